"""Bare pages: the floor of what a page costs, behind the same middleware, session and membership check.

A bare page executes the page's own SQL, decodes the JSON in the rows, and writes the same HTML. It derives nothing: it
has the values that the lists of the page show, and f-strings (`bare_html`) write the lists. All of this is recorded
when the page itself is asked for once. The HTML around the lists is copied from that page, so it costs nothing; each
list must stand in it to the letter, or the benchmark fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from unittest import mock

import orjson
import psycopg
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import ResolverMatch, reverse
from psycopg.pq import Format

from events.json.tree import RowUrls
from events.models import Member
from events.views.page import log_page
from projections.views.template_functions import states_with
from tests.benchmarks.bare_html import events, lists, replays

Context: TypeAlias = Mapping[str, Any]
Part: TypeAlias = Callable[[], str]
View: TypeAlias = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class _Execution:
    """A statement, as a cursor executed it."""

    cursor: type[psycopg.Cursor[Any]]
    format: Format
    statement: Any
    parameters: Any

    def repeat(self) -> None:
        """Execute the statement again, fetch its rows, and decode the JSON in them."""
        with self.cursor(connection.connection) as cursor:
            cursor.format = self.format
            cursor.execute(self.statement, self.parameters)
            while True:
                for row in cursor.fetchall() if cursor.description else ():
                    for value in row:
                        if isinstance(value, str) and value[:1] in ("{", "["):
                            orjson.loads(value)
                if not cursor.nextset():
                    return


@dataclass(frozen=True, slots=True)
class BarePage:
    """The record of one page: its statements, its lists, and the HTML before, between and after the lists."""

    executions: Sequence[_Execution]
    parts: Sequence[Part]
    shell: Sequence[str]

    def show(self, request: HttpRequest, member: Member, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer as the page did."""
        for execution in self.executions:
            execution.repeat()
        between = (text for before, part in zip(self.shell, self.parts, strict=False) for text in (before, part()))
        return HttpResponse("".join(between) + self.shell[-1])


Pages: TypeAlias = dict[str, BarePage]
"""The bare pages by their address."""


@contextmanager
def bare(pages: Pages) -> Iterator[None]:
    """Answer with the bare pages. The first answer of an address is the page's own, which is recorded."""
    resolve = BaseHandler.resolve_request

    def resolve_bare(handler: BaseHandler, request: HttpRequest) -> ResolverMatch:
        match = resolve(handler, request)
        address = request.get_full_path()
        match.func = log_page()(pages[address].show if address in pages else _recording(match.func, pages, address))
        return match

    with mock.patch.object(BaseHandler, "resolve_request", resolve_bare):
        yield


def _recording(page: View, pages: Pages, address: str) -> View:
    view = inspect.unwrap(page)  # what the membership check calls

    def record(request: HttpRequest, member: Member, *args: Any, **kwargs: Any) -> HttpResponse:
        executions: list[_Execution] = []
        contexts: list[tuple[str, Context]] = []

        def capture(request: HttpRequest, template: str, context: Context, status: int) -> HttpResponse:
            contexts.append((template, context))
            return render(request, template, dict(context), status=status)

        with _recorded(executions), mock.patch("events.views.page.render", capture):
            response: HttpResponse = view(request, member, *args, **kwargs)
        [(template, context)] = contexts
        parts = _PARTS[template](context)
        pages[address] = BarePage(executions, parts, _around([part() for part in parts], response.content.decode()))
        return response

    return record


@contextmanager
def _recorded(executions: list[_Execution]) -> Iterator[None]:
    execute = psycopg.Cursor.execute

    def record(cursor: psycopg.Cursor[Any], statement: Any, parameters: Any = None, **options: Any) -> Any:
        executions.append(_Execution(type(cursor), cursor.format, statement, parameters))
        return execute(cursor, statement, parameters, **options)

    with mock.patch.object(psycopg.Cursor, "execute", record):
        yield


def _timeline(context: Context) -> list[Part]:
    return [partial(lists.timeline_rows, context["page"].lines, context["events_url"], context["glyphs"])]


def _event(context: Context) -> list[Part]:
    event, log, data, url = context["event"], context["log"], context["data"], context["event_url"]
    data_links = RowUrls(inside=data.inside_url, text=f"{url}?text=", whole=f"{url}?format=json")
    return [
        partial(events.rails, context["rails"](), event, log, context["events_url"]),
        partial(events.tree_rows, list(data.rows), data_links),
        partial(events.facts, event, log, context["picks"], states_with(log.name, event)),
        partial(events.tree_rows, list(context["metadata"]), RowUrls(whole=f"{url}?format=json")),
    ]


def _stream(context: Context) -> list[Part]:
    return [partial(lists.stream_rows, list(context["lines"]), context["events_url"], context["glyphs"])]


def _workflow(context: Context) -> list[Part]:
    lanes, events_url, glyphs = context["lanes"], context["events_url"], context["glyphs"]
    return [
        partial(lists.wires, lanes.wires),
        partial(lists.lane_marks, lanes.marks, events_url, glyphs),
        *(partial(lists.workflow_rows, list(rows), events_url, glyphs) for _, rows in context["parts"]),
    ]


def _agents(context: Context) -> list[Part]:
    events_url, glyphs = context["events_url"], context["glyphs"]
    return [partial(lists.agent_rows, list(context["agents"]), context["log"], events_url, glyphs)]


def _replay(context: Context) -> list[Part]:
    page, glyphs = context["page"], context["glyphs"]
    state, event = page.state, page.event
    url = reverse("event", args=[context["log"].name, event.event.position])
    data_links = RowUrls(inside=event.data.inside_url, text=f"{url}?text=", whole=url)
    return [
        partial(replays.columns, page.steps.strip, page.address, glyphs),
        partial(replays.steps, page.steps, page.address, glyphs),
        partial(events.tree_rows, list(state.rows), state.links),
        partial(events.tree_rows, list(event.data.rows), data_links),
    ]


_PARTS: Mapping[str, Callable[[Context], list[Part]]] = {
    "events/timeline.html": _timeline,
    "events/event.html": _event,
    "events/stream.html": _stream,
    "events/workflow.html": _workflow,
    "projections/agents.html": _agents,
    "projections/replay/page.html": _replay,
}


def _around(parts: Sequence[str], page: str) -> list[str]:
    """The HTML before, between and after the parts of a page."""
    shell = []
    for i, part in enumerate(parts):
        before, found, page = page.partition(part)
        assert found == part, f"Part {i} does not stand in the page: {_difference(part, page or before)}"
        shell.append(before)
    return [*shell, page]


def _difference(part: str, page: str) -> str:
    """The first place at which a part differs from the page."""
    start = page.find(part[:40])
    if start < 0:
        return f"it begins {part[:200]!r}"
    i = next((i for i, character in enumerate(part) if page[start + i : start + i + 1] != character), len(part))
    return f"{part[max(i - 80, 0) : i + 80]!r} where the page has {page[start + max(i - 80, 0) : start + i + 80]!r}"
