"""Names with invisible characters, or with characters that turn the text around, are written out on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.test import Client

from events.models import Log
from projections.registry import PROJECTIONS
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle

HIDDEN = re.compile("[\u202e\u200b]")
ESCAPED = re.compile(r"\\u202e|\\u200b")
STREAM, WORKFLOW, AGENT, TYPE, ID, TAG = (
    f"\u202egnp\u200b.{name}-1" for name in ("stream", "flow", "agent", "failed", "id", "tag")
)
SPOKEN = ("title", "aria-label", "alt", "placeholder", "data-title", "data-said")
"""Attributes that a person reads or hears. All others hold names unchanged, for forms, addresses and scripts."""


class Texts(HTMLParser):
    """The texts of a page that a person reads, and those that forms and scripts read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.read: list[str] = []
        self.used: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name != "id":
                (self.read if name in SPOKEN else self.used).append(f"<{tag} {name}>{value}")

    def handle_data(self, data: str) -> None:
        self.read.append(data)


def pages() -> Iterator[str]:
    stream, workflow, agent, type_ = (quote(name, safe="") for name in (STREAM, WORKFLOW, AGENT, TYPE))
    yield from ("", "events/2", "streams/", "streams/?order=name", "workflows/", "agents/", "seen/correlation_id")
    yield from (f"?q=stream:%22{stream}%22 type:%22{type_}%22", f"?q=agent:%22{agent}%22+correlation:%22{workflow}%22")
    yield from (f"streams/?prefix={stream}", f"streams/?order=name&category={stream[:-2]}", f"agents/?prefix={agent}")
    yield from (f"streams/{stream}/", f"workflows/{workflow}/", f"workflows/{workflow}/?order=log")
    yield from (
        f"streams/{stream}-2/",
        f"workflows/{workflow}-2/",
        f"projections/{type_}/",
        f"workflows/?id={workflow}-2",
    )
    for step in ("0", "2", "2?why=/n", "3?why=/n", "2?from=1", "2?by=run", f"2?break=type:%22{type_}%22", "4?pin=/n"):
        yield f"replay/stream/{stream}/{step}"
    yield from (f"replay/workflow/{workflow}/2", f"replay/agent/{agent}/2", f"replay/query/2?q=type:%22{type_}%22")
    yield from ("replay/log/3", "replay/log/3?by=collisions", f"replay/stream/{stream}-2/1")
    yield from (f"projections/{name}/states" for name in PROJECTIONS)
    for state in (f"latest/state?key={stream}", f"agents/state?key={agent}", f"counts/state?key=type:{type_}"):
        yield from (f"projections/{state}", f"projections/{state}&value=/events", f"projections/{state}&at_position=2")
    yield from (f"completions?q={name}:" for name in ("stream", "type", "agent", "tag"))


@pytest.fixture
def odd_names(append: AppendEvents, log: Log) -> None:
    """A log with invisible characters in names: a chain of causes, a failed event, an event with an unknown cause."""
    fields = {"type": TYPE, "agent": AGENT, "correlation_id": WORKFLOW, "tags": [TAG]}
    events = [{**fields, "id": f"{ID}{n}", "data": b'{"n": %d, "error": "no"}' % n} for n in range(2)]
    append(STREAM, *events, {**fields, "causation_id": f"{ID}1"}, {**fields, "causation_id": f"{ID}2"})
    settle(log, *(each for each in PROJECTIONS.values() if each.materialised))


@pytest.mark.usefixtures("odd_names")
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["whole", "part"])
def test_hidden_characters_of_names_are_written_out_for_people_alone(
    viewer: Client, at: str, headers: dict[str, str]
) -> None:
    texts = {page: Texts(viewer.get(at + page, headers=headers).content.decode()) for page in pages()}
    hidden = {page: [text for text in each.read if HIDDEN.search(text)] for page, each in texts.items()}
    escaped = {page: [text for text in each.used if ESCAPED.search(text)] for page, each in texts.items()}
    assert {page: read for page, read in hidden.items() if read} == {}
    assert {page: used for page, used in escaped.items() if used} == {}
    pages_shown = [page for page, each in texts.items() if any(ESCAPED.search(text) for text in each.read)]
    assert len(pages_shown) > len(texts) * 0.9, set(texts) - set(pages_shown)
