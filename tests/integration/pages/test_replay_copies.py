"""A copy of a step says the same as the page, and the pytest case that it makes passes."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from django.test import Client

from events.models import Log
from projections.models import Job
from projections.registry import PROJECTIONS
from projections.states.fold import BLOCK
from projections.states.sources.parse import KINDS
from tests.support.copied import passes
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle
from tests.support.server import Server

HOSTILE = """{"quantity": 1.50, "big": 12345678901234567890123, "text": "'''\\"\\"\\"\\\\n```\\u2028{}", "no": null}"""


@pytest.fixture
def order(append: AppendEvents) -> None:
    append(
        'order "1"\\',
        {"type": "Placed", "agent": "shop`s", "data": HOSTILE.encode(), "correlation_id": "w/1"},
        {"type": "Paid", "tags": ["vip", "a`'b"], "metadata": b'{"by": "card"}', "data": b'{"status": {"is": "paid"}}'},
        {"type": "Changed", "data": b'{"quantity": 3}', "occurred_at": "2026-01-01T00:00:00Z"},
    )


def step(client: Client, at: str, place: int, format: str, **parameters: str) -> Any:
    return client.get(f'{at}replay/stream/order%20"1"%5C/{place}', {"format": format, **parameters})


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("by", ["latest", "counts", "transcript", "collisions"])
def test_a_step_is_a_test_that_passes(viewer: Client, at: str, tmp_path: Path, by: str) -> None:
    answer = step(viewer, at, 3, "pytest", by=by)
    assert answer["Content-Type"] == "text/x-python; charset=utf-8"
    source = answer.content.decode()
    assert f"GIVEN = {by}.initial" in source
    assert source.count("    event(\n") == 3
    assert passes(source, tmp_path)


@pytest.mark.usefixtures("order")
def test_a_test_of_another_state_fails(viewer: Client, at: str, tmp_path: Path) -> None:
    source = step(viewer, at, 3, "pytest").content.decode()
    assert not passes(source.replace("'paid'", "'open'", 1), tmp_path)


def test_a_step_far_on_is_a_test_of_one_event(viewer: Client, append: AppendEvents, at: str, tmp_path: Path) -> None:
    append("order-1", *[{"data": b'{"n": %d}' % n} for n in range(1, 201)])
    source = viewer.get(f"{at}replay/stream/order-1/150", {"format": "pytest"}).content.decode()
    assert "with its event and the state before it." in source
    assert source.count("    event(\n") == 1
    assert passes(source, tmp_path)


def test_a_copy_that_is_too_large_for_a_test_says_so(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"data": b'{"n": "%s"}' % (b"x" * 500_000)})
    answer = viewer.get(f"{at}replay/stream/order-1/1", {"format": "pytest"})
    assert answer.status_code == 413
    assert re.search(r"has 1,000,0\d\d characters; the limit is 400,000", answer.content.decode())


def test_a_step_whose_state_is_not_known_is_no_test(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = type(PROJECTIONS["latest"])("latest", about="")
    failing.on("*")(lambda state, happened: 1 / 0)
    monkeypatch.setitem(PROJECTIONS, "latest", failing)
    append("order-1", {})
    assert viewer.get(f"{at}replay/stream/order-1/1", {"format": "pytest"}).status_code == 409
    page = viewer.get(f"{at}replay/stream/order-1/1", {"format": "md"}).content.decode()
    assert "The state is not known: `ZeroDivisionError" in page


@pytest.mark.usefixtures("order")
def test_a_format_that_there_is_not_is_not_found(viewer: Client, at: str) -> None:
    answer = step(viewer, at, 2, "xml")
    assert answer.status_code == 404
    assert "it is json, pytest or md" in answer.content.decode()


@pytest.mark.usefixtures("order")
def test_a_step_as_json_is_the_answer_of_the_api(viewer: Client, at: str) -> None:
    there = urlsplit(step(viewer, at, 3, "json", by="counts")["Location"])
    parameters = {"log": at.split("/")[2], "name": 'order "1"\\', "place": "3", "by": "counts"}
    assert (there.path, dict(parse_qsl(there.query))) == ("/api/replays/stream/step", parameters)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_copied_link_of_any_replay_leads_to_its_step(
    viewer: Client, append: AppendEvents, at: str, log: Log, token: str, server: Server, kind: str
) -> None:
    replay = {
        "stream": "stream/route%20%22b%22%5C/2",
        "workflow": "workflow/order-1/2",
        "agent": "agent/router/2",
        "type": "type/route.chosen/2",
        "query": "query/2?q=type:route*",
        "log": "log/2",
        "key": "key/2?name=order-1&by=orders",
    }[kind]
    append('route "b"\\', *[{"type": "route.chosen", "agent": "router", "correlation_id": "order-1"}] * 2)
    settle(log, PROJECTIONS["orders"])
    page = viewer.get(f"{at}replay/{replay}")
    assert page.status_code == 200
    [copy] = re.findall(r'href="([^"]+format=json)"', page.content.decode())
    link = viewer.get(unescape(copy))["Location"]
    assert link.startswith(f"/api/replays/{kind}/step?")
    answer = httpx2.get(f"{server.url}{link}", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["event"]["position"]) == (200, 2), answer.text


PANES = ("state_pane", "steps_pane", "event_pane", "why_pane", "window_name")
"""The functions that build the page of a step."""


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(("format", "status"), [("json", 302), ("pytest", 200), ("md", 200)])
def test_a_copy_builds_only_what_it_shows(
    viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch, format: str, status: int
) -> None:
    for pane in PANES:
        monkeypatch.delattr(f"projections.replay.views.page.{pane}")
    monkeypatch.delattr("projections.replay.views.why_pane._equals")
    if format != "md":
        monkeypatch.delattr("projections.replay.views.copies.steps_pane")
        monkeypatch.delattr("projections.replay.views.copies.why_pane")
    assert step(viewer, at, 3, format, why="/quantity").status_code == status
    with pytest.raises(NameError):
        viewer.get(f'{at}replay/stream/order%20"1"%5C/3')


def test_a_markdown_copy_of_a_state_that_is_far_away_starts_its_job(
    viewer: Client, append: AppendEvents, at: str, log: Log
) -> None:
    append("order-1", *[{"data": b'{"n": %d}' % n} for n in range(3 * BLOCK)])
    text = viewer.get(f"{at}replay/stream/order-1/2900", {"format": "md"}).content.decode()
    assert "it is still being folded" in text
    assert Job.objects.filter(log=log, arguments__projection="latest").exists()


@pytest.mark.usefixtures("order")
def test_a_step_as_markdown_says_what_the_page_says(viewer: Client, at: str) -> None:
    answer = step(viewer, at, 3, "md", why="/quantity")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    markdown = answer.content.decode()
    assert markdown.startswith("# Step 3: `Changed`\n")
    assert "- `~` `/quantity`: `1.50` → `3`" in markdown
    assert "## Why `/quantity`" in markdown
    assert "- step 1, `Placed` by `` shop`s ``: `+` `/quantity`: `1.50`" in markdown
    assert f"<http://testserver{at}replay/stream/order%20%221%22%5C/3?why=%2Fquantity>" in markdown


@pytest.mark.usefixtures("order")
def test_a_copy_has_the_tags_of_its_event(viewer: Client, at: str) -> None:
    assert """tags=['vip', "a`'b"]""" in step(viewer, at, 2, "pytest").content.decode()
    assert "\nTags `vip`, `` a`'b ``\n" in step(viewer, at, 2, "md").content.decode()
    assert not [format for format in ("pytest", "md") if b"ags" in step(viewer, at, 1, format).content]


@pytest.mark.usefixtures("order")
def test_a_text_that_ends_a_block_stays_in_it(viewer: Client, at: str) -> None:
    markdown = step(viewer, at, 1, "md").content.decode()
    assert markdown.count("\n````json\n") == markdown.count("\n````\n") == 2


@pytest.mark.usefixtures("order")
def test_a_difference_as_markdown_says_who_made_it(viewer: Client, at: str) -> None:
    markdown = step(viewer, at, 3, "md", **{"from": "1"}).content.decode()
    assert markdown.startswith("# Difference 1 to 3\n")
    assert "- `~` `/quantity`: `1.50` → `3`, set by #3 `Changed`" in markdown
    assert "- `+` `/status`: `{ 1 }`, set by #2 `Paid`" in markdown


def test_a_large_state_is_cut_and_says_so(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"data": b'{"n": "%s"}' % (b"x" * 500_000)})
    markdown = viewer.get(f"{at}replay/stream/order-1/1", {"format": "md"}).content.decode()
    assert len(markdown) < 20_000
    assert "These are the first 6,000 of 500,009 characters." in markdown
