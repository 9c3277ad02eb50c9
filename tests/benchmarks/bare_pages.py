"""Bare pages: the views, their middleware, session, membership and reads stay, and f-strings take the templates' place.

The parts of a page that list what the log holds are written anew (`bare_html`). What stands around them is copied from
the page itself when it is first asked for; each part must then stand in it to the letter, or the benchmark fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
from unittest import mock

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from events.json.tree import RowUrls
from projections.replay.views.template_functions import source_findings
from projections.views.template_functions import facets_of, read_as, states_of, states_with
from tests.benchmarks.bare_html import events, lists, replays

Context: TypeAlias = Mapping[str, Any]
Shells: TypeAlias = dict[str, list[str]]
"""By template, what stands before, between and after the parts of its page."""


def _timeline(context: Context) -> list[str]:
    facets_of(context["log"], context["asked"])
    return [lists.timeline_rows(context["page"].lines, context["events_url"])]


def _event(context: Context) -> list[str]:
    event, log, data = context["event"], context["log"], context["data"]
    url = context["event_url"]
    read_as(event)
    return [
        events.rails(context["rails"](), event, log, context["events_url"]),
        events.tree_rows(data.rows, RowUrls(inside=data.inside_url, text=f"{url}?text=", whole=f"{url}?format=json")),
        events.facts(event, log, context["picks"], states_with(log.name, event)),
        events.tree_rows(context["metadata"], RowUrls(whole=f"{url}?format=json")),
    ]


def _stream(context: Context) -> list[str]:
    log, name = context["log"], context["stream"].name
    states_of(log.name, "stream", name)
    source_findings(log, "stream", name, context["events"])
    return [lists.stream_rows(context["lines"], context["events_url"])]


def _workflow(context: Context) -> list[str]:
    log, name, lanes = context["log"], context["workflow"].correlation_id, context["lanes"]
    states_of(log.name, "workflow", name)
    source_findings(log, "workflow", name, context["events"])
    rows = [lists.workflow_rows(rows, context["events_url"]) for _, rows in context["parts"]]
    return [lists.wires(lanes.wires), lists.lane_marks(lanes.marks, context["events_url"]), *rows]


def _agents(context: Context) -> list[str]:
    return [lists.agent_rows(context["agents"], context["log"], context["events_url"])]


def _replay(context: Context) -> list[str]:
    page = context["page"]
    state, event = page.state, page.event
    url = reverse("event", args=[context["log"].name, event.event.position])
    return [
        replays.columns(page.steps.strip, page.address),
        replays.steps(page.steps, page.address),
        events.tree_rows(state.rows, state.links),
        events.tree_rows(event.data.rows, RowUrls(inside=event.data.inside_url, text=f"{url}?text=", whole=url)),
    ]


_PARTS: Mapping[str, Callable[[Context], list[str]]] = {
    "events/timeline.html": _timeline,
    "events/event.html": _event,
    "events/stream.html": _stream,
    "events/workflow.html": _workflow,
    "projections/agents.html": _agents,
    "projections/replay/page.html": _replay,
}


@contextmanager
def bare(shells: Shells) -> Iterator[None]:
    """Let f-strings write the pages; `shells` keeps what was copied from them."""

    def write(request: HttpRequest, template: str, context: Context, status: int) -> HttpResponse:
        parts = _PARTS[template](context)
        if template not in shells:
            page = render(request, template, dict(context)).content.decode()
            shells[template] = _around(parts, page)
        shell = shells[template]
        between = (text for pair in zip(shell, parts, strict=False) for text in pair)
        return HttpResponse("".join(between) + shell[-1], status=status)

    with mock.patch("events.views.page.render", write):
        yield


def _around(parts: Sequence[str], page: str) -> list[str]:
    """What stands before, between and after the parts of a page."""
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
