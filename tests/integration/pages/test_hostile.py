"""Any text of an agent is shown as text on every page, never as markup."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from django.test import Client

from events.reading import scan
from tests.support.fixture_types import AppendEvents

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = "\"'></pre></title><img src=x onerror=alert(1)>"
HOSTILE = {
    "type": SCRIPT,
    "agent": BREAKOUT,
    "id": f"id{SCRIPT}",
    "correlation_id": BREAKOUT,
    "causation_id": SCRIPT,
    "data": json.dumps({SCRIPT: BREAKOUT, "long": SCRIPT * 200, "nested": {BREAKOUT: [SCRIPT]}}).encode(),
    "metadata": json.dumps({BREAKOUT: SCRIPT}).encode(),
}
STREAM = f"{SCRIPT}/{BREAKOUT}"


@pytest.mark.parametrize(
    "page",
    ["", "?q=%22<script>alert(1)</script>%22", "?q=type:%22<script>alert(1)</script>%22",
     "events/2", "streams/", "streams/?prefix=<script>alert(1)</script>",
     "streams/?order=name&category=<script>alert(1)</script>", "streams/{stream}/",
     "workflows/", "workflows/{workflow}/", "workflows/{workflow}/?order=log",
     "workflows/?id=<script>alert(1)</script>/..", "seen/correlation_id",
     "completions?q=type:", "completions?q=agent:", "completions?q=data.",
     "replay/stream/{stream}/0", "replay/stream/{stream}/2"],
)  # fmt: skip
def test_markup_in_an_event_is_shown_as_text(viewer: Client, append: AppendEvents, at: str, page: str) -> None:
    append(STREAM, HOSTILE, {**HOSTILE, "id": "2", "data": json.dumps({SCRIPT: SCRIPT, "gone": 1}).encode()})
    append(STREAM, {"correlation_id": f"{SCRIPT}/..", "agent": SCRIPT, "data": HOSTILE["data"]})
    answer = viewer.get(at + page.format(stream=quote(STREAM, safe=""), workflow=quote(BREAKOUT, safe="")))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "script&gt;" in text


@pytest.mark.parametrize("position", [1, 2])
def test_markup_in_a_row_that_opens_is_shown_as_text(
    viewer: Client, append: AppendEvents, at: str, position: int
) -> None:
    append(STREAM, HOSTILE, {**HOSTILE, "id": "2", "causation_id": HOSTILE["id"]})
    part = viewer.get(f"{at}events/{position}", headers={"HX-Request": "true"}).content.decode()
    assert "<script>alert" not in part
    assert "<img" not in part
    assert "script&gt;" in part


@pytest.mark.parametrize(
    "page",
    ["streams/a%00/", "workflows/a%00/", "projections/latest%00/", "projections/latest/state?key=a%00",
     "projections/latest/states?prefix=a%00", "replay/stream/a%00/1", "replay/workflow/a%00/1", "replay/agent/a%00/1",
     "replay/stream/1?name=a%00", "replay/agent/1?name=a%00", "replay/key/1?name=a%00",
     "replay/key/1?by=orders&name=a%00", "replay/query/1?q=type:a%00"],
)  # fmt: skip
def test_a_name_with_nul_in_it_is_refused(viewer: Client, at: str, page: str) -> None:
    assert 400 <= viewer.get(at + page).status_code < 500


def test_a_page_that_fails_says_so_and_tells_nothing(viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(scan, "search_events", broken)
    viewer.raise_request_exception = False
    answer = viewer.get(at)
    assert answer.status_code == 500
    assert "This page failed" in answer.content.decode()
    assert "42" not in answer.content.decode()


def test_every_page_forbids_inline_scripts(viewer: Client, append: AppendEvents, at: str) -> None:
    append("s", {})
    for page in ("", "events/1", "streams/", "workflows/", "replay/stream/s/1", "events/99"):
        policy = viewer.get(at + page)["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
