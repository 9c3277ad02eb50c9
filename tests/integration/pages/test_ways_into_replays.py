"""Each event, stream, workflow, agent or state on a page links into a replay, at the step that is shown there."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client

from events.models import Log
from projections import registry
from tests.support.fixture_types import AppendEvents
from tests.support.running import BY_TYPE, settle

NAME = "a b/(-> X)#1"
"""The name of a stream, a workflow and an agent."""


@pytest.fixture(autouse=True)
def filled(append: AppendEvents) -> None:
    append("other", {"type": "Placed"})
    event = {"agent": NAME, "correlation_id": NAME}
    append(
        NAME,
        {"type": "Placed", "data": b'{"sku": "A-7"}', **event},
        {"type": "Paid", "data": b'{"paid": 1}', **event},
        {"type": "Sent", "data": b'{"sent": 1}', **event},
    )


def get(client: Client, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, url
    return answer.content.decode()


def links(page: str, text: str) -> list[str]:
    """The addresses of the links that begin with a text and lead into a replay."""
    urls = re.findall(rf'href="([^"]*/replay/[^"]+)"[^>]*>(?:<svg(?:(?!</svg>).)*</svg>)?{text}', page, re.DOTALL)
    return [unescape(url) for url in urls]


def step(client: Client, url: str) -> tuple[str, int, str]:
    """The source, the position of the step's event (0 before the first) and the projection that a replay shows."""
    page = get(client, url)
    source = re.findall(r'class="source"[^>]*><span class="muted">(\w+)</span> <bdi[^>]*>([^<]*)</bdi>', page)
    position = re.findall(r'class="mono faint pos" href="[^"]*/(\d+)"', page)
    projection = re.findall(r'<span class="mono">([\w-]+)</span> <span class="faint">v', page)
    kind, name = source[0] if source else ("log", "")
    return f"{kind} {unescape(name)}".strip(), int(position[0]) if position else 0, projection[0]


@pytest.mark.parametrize("in_row", [False, True])
def test_an_event_is_replayed_as_part_of_each_of_its_sources(viewer: Client, at: str, in_row: bool) -> None:
    headers = {"HX-Request": "true"} if in_row else {}
    page = get(viewer, f"{at}events/3", **headers)
    ways = {text: step(viewer, url) for text in ("Replay", "workflow", "agent", "log") for url in links(page, text)}
    assert ways == {
        "Replay": (f"stream {NAME}", 3, "latest"),
        "workflow": (f"workflow {NAME}", 3, "latest"),
        "agent": (f"agent {NAME}", 3, "latest"),
        "log": ("log", 3, "latest"),
    }


@pytest.mark.parametrize(("kind", "pages"), [("stream", "streams/"), ("workflow", "workflows/")])
def test_streams_and_workflows_are_replayed_from_their_lists_and_pages(
    viewer: Client, at: str, kind: str, pages: str
) -> None:
    assert step(viewer, links(get(viewer, at + pages), "Replay")[0]) == (f"{kind} {NAME}", 4, "latest")
    page = get(viewer, f"{at}{pages}{quote(NAME, safe='')}/")
    assert step(viewer, links(page, "Replay")[0]) == (f"{kind} {NAME}", 0, "latest")


def test_a_stream_and_a_workflow_lead_to_the_steps_that_went_wrong(
    viewer: Client, at: str, append: AppendEvents
) -> None:
    for agent, read_position in (("one", 0), ("two", 5), ("one", 5)):
        append(
            "list",
            {"agent": agent, "correlation_id": "w", "data": b'"%s"' % agent.encode()},
            read_position=read_position,
        )
    for page, source in ((f"{at}streams/list/", "stream list"), (f"{at}workflows/w/", "workflow w")):
        [url] = links(get(viewer, page), "<b>Lost update")
        assert step(viewer, url) == (source, 7, "latest")
    assert "Lost update" not in get(viewer, f"{at}streams/other/")


def test_a_query_is_replayed_from_the_oldest_event_that_is_shown(viewer: Client, at: str) -> None:
    [url] = links(get(viewer, f"{at}?q=type:P*+stream:a*"), "Replay this query")
    assert step(viewer, url) == ("query type:P* stream:a*", 2, "latest")
    assert not links(get(viewer, at), "Replay")
    assert not links(get(viewer, f"{at}?q=type:Nothing"), "Replay")


@pytest.mark.parametrize(("projection", "kind"), [("latest", "stream"), ("lifecycle", "workflow"), ("agents", "agent")])
def test_a_state_is_replayed_by_its_projection_at_its_moment(
    viewer: Client, at: str, projection: str, kind: str
) -> None:
    page = f"{at}projections/{projection}/state?key={quote(NAME, safe='')}"
    for moment, position in (("", 4), ("&at_position=3", 3)):
        [url] = links(get(viewer, page + moment), "Replay from here")
        assert step(viewer, url) == (f"{kind} {NAME}", position, projection)
    [url] = links(get(viewer, f"{page}&from=2&to=3"), "Replay from here")
    assert "from=1" in url if kind == "stream" else "from=2" in url
    assert step(viewer, url) == (f"{kind} {NAME}", 3, projection)


def test_a_state_by_another_key_is_replayed_from_what_the_runner_noted(
    viewer: Client, at: str, log: Log, append: AppendEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, BY_TYPE.name, BY_TYPE)
    settle(log, BY_TYPE)
    append("behind", {"type": "Placed"})  # the runner has not read this one yet
    page = f"{at}projections/by-type/state?key=type:Placed"
    [url] = links(get(viewer, f"{page}&at_position=3"), "Replay from here")
    assert step(viewer, url) == ("key type:Placed", 2, "by-type")
    replayed = get(viewer, url)
    assert "<title>Step 2 of 2" in replayed
    assert f'class="source" href="{at}projections/by-type/state?key=type%3APlaced"' in replayed
    answer = viewer.get(url.replace("/2?", "/0?") + "&step=1", follow=True)
    assert answer.redirect_chain == [(url.replace("/2?", "/1?"), 302)]
    seek_answer = viewer.get(url.replace("Placed", "Paid").replace("/2?", "/0?") + "&way=next&to=type:*")
    assert seek_answer["Location"].startswith(url.replace("Placed", "Paid").replace("/2?", "/3?"))
    assert viewer.get(url.replace("Placed", "Nothing")).status_code == 404
    elsewhere = viewer.get(url.replace("by-type", "latest").replace("type%3APlaced", "other"))
    assert elsewhere["Location"] == f"{at}replay/stream/other/0?by=latest"


def test_a_state_of_which_nothing_is_noted_has_no_replay(
    viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, BY_TYPE.name, BY_TYPE)
    page = get(viewer, f"{at}projections/by-type/state?key=type:Placed")
    [url] = links(page, "Replay from here")
    answer = viewer.get(url)
    assert answer.status_code == 404
    assert "Nothing is kept" in answer.content.decode()


def test_a_state_whose_key_an_index_serves_is_replayed_as_that(viewer: Client, at: str) -> None:
    for key, source in (("all", "log"), ("type:Placed", "type/Placed"), ("stream:other", "stream/other")):
        to = viewer.get(f"{at}replay/key/0", {"by": "counts", "name": key})["Location"]
        assert to == f"{at}replay/{source}/0?by=counts"
        assert "Step 0 of" in get(viewer, to)


def test_a_state_before_anything_happened_has_no_replay(viewer: Client, at: str) -> None:
    assert not links(get(viewer, f"{at}projections/latest/state?key=nothing"), "Replay")


def test_an_old_address_of_a_key_that_an_index_serves_keeps_its_step_and_its_pins(
    viewer: Client, at: str, append: AppendEvents
) -> None:
    append("order-1", *[{"type": "A"}] * 3)
    answer = viewer.get(f"{at}replay/key/2?name=all&by=counts&pin=%2Fevents")
    assert answer.status_code == 302
    assert answer["Location"] == f"{at}replay/log/2?by=counts&pin=%2Fevents"
