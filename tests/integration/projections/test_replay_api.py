"""Replays through the API: their steps, one of them, why a value is what it is; by whom, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import redaction
from events.access import tokens
from events.api.responses import event_json
from events.engine import Engine
from events.json.value import loads
from events.models import Log, Scope
from projections import registry
from projections.definition.projection import Projection
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource
from projections.values import exact_json
from projections.values.change import Change, Json
from projections.values.diff import apply, equal
from tests.support.factories import make_append
from tests.support.fixture_types import Get
from tests.support.folds import STREAMS, all_events, fill
from tests.support.replays import SOURCES, asked_of, do_all, folded, of_source
from tests.support.running import BY_TYPE, settle


def operations(said: Sequence[dict[str, Any]]) -> list[Change]:
    """What the API says of changes, as operations."""
    return [Change(each["op"], each["path"], each.get("value"), each.get("old"), each.get("from")) for each in said]


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=250),
    st.lists(st.integers(0, 300), min_size=1, max_size=5),
    st.sampled_from(SOURCES),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_step_of_a_random_walk_equals_a_fold_from_zero(
    engine: Engine, log: Log, get: Get, sums: Projection, streams: list[str], walk: list[int], source: Source
) -> None:
    await fill(engine, log, streams, first=len(await all_events(engine, log)))
    expected = of_source(source, await all_events(engine, log))
    known = folded(sums, expected)
    places = [0, *map(source.place, expected)]
    for wanted in walk:
        n = min(wanted, len(expected))
        answer = await get(f"{source.kind}/step", by="sums", place=places[n], **asked_of(source))
        assert answer.status_code == 200, answer.text
        said = loads(answer.text)
        assert (said["place"], said["n"]) == (places[n], said["n"] if source.kind == "query" else n)
        assert said["n"] in (n, None)
        assert said["event"] == (loads(event_json(expected[n - 1]).decode()) if n else None)
        assert said["position"] == (expected[n - 1].position if n else 0)
        assert f'"state":{exact_json.dumps(known[n])},' in answer.text
        assert equal(apply(known[max(n - 1, 0)], operations(said["changes"])), known[n])
        assert said["previous"] == (places[n - 1] if n else None)
        assert said["next"] == (places[n + 1] if n < len(expected) else None)
        if source.kind != "query":
            numbered = await get(f"{source.kind}/step", by="sums", n=n, **asked_of(source))
            assert numbered.text == answer.text


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("limit", [7, 200])
async def test_the_pages_of_steps_are_all_steps_in_order(
    engine: Engine, log: Log, get: Get, sums: Projection, source: Source, limit: int
) -> None:
    await fill(engine, log, [*STREAMS] * 20)
    expected = of_source(source, await all_events(engine, log))
    known = folded(sums, expected)
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = (await get(source.kind, by="sums", after=after, limit=limit, **asked_of(source))).json()
        found += page["steps"]
        after = page["next"]
        assert (page["position"], page["job"], page["error"]) == (80, None, None)
    assert [each["event"]["position"] for each in found] == [event.position for event in expected]
    assert [each["place"] for each in found] == list(map(source.place, expected))
    counted = [each["n"] for each in found]
    assert counted == list(range(1, len(expected) + 1)) or (source.kind == "query" and counted[limit:].count(None))
    for i, each in enumerate(found):
        assert (each["changes"] == 0) == equal(known[i], known[i + 1])


async def test_without_a_place_it_is_the_last_step(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1", "order-2"] * 5)
    for kind, query, place in (("stream", {"name": "order-1"}, 5), ("log", {}, 10), ("query", {"q": "type:A"}, None)):
        said = (await get(f"{kind}/step", by="sums", **query)).json()
        assert said["next"] is None
        assert said["place"] == (place or said["event"]["position"])
    assert (await get("stream/step", name="order-1")).json()["projection"] == "latest"


async def test_a_place_between_two_steps_is_that_of_the_one_before(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1"] * 12)
    router = of_source(AgentSource("router"), await all_events(engine, log))
    said = (await get("agent/step", name="router", place=router[2].position - 1)).json()
    assert (said["place"], said["n"]) == (router[1].position, 2)


async def test_names_of_any_kind_are_replayed(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["a/b# (-> X)", "ü%2F&=?"])
    for name in ("a/b# (-> X)", "ü%2F&=?"):
        said = (await get("stream/step", name=name)).json()
        assert (said["name"], said["event"]["stream"]) == (name, name)


async def test_blame_is_what_going_through_all_steps_finds(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 60)
    events = await all_events(engine, log)
    known = folded(sums, events)
    for pointer in ("/A", "/B", "/last", ""):
        touched = [n for n in range(1, 61) if not equal(value(known[n - 1], pointer), value(known[n], pointer))]
        for place in (0, 7, 31, 60):
            answer = await get("stream/why", by="sums", name="order-1", place=place, pointer=pointer)
            said: Any = loads(answer.text)
            before = [n for n in touched if n <= place]
            assert [each["n"] for each in said["history"]] == before[::-1][:12]
            assert said["more"] == max(0, len(before) - 12)
            assert said["previous"] == next((n for n in reversed(before) if n < place), None)
            assert (said["next"], said["looked_to"]) == (next((n for n in touched if n > place), None), None)
            assert said["found"] == (value(known[place], pointer) is not None)
            assert equal(said["value"], value(known[place], pointer))


def value(state: Json, pointer: str) -> Any:
    assert isinstance(state, dict)
    return state.get(pointer[1:]) if pointer else state


async def test_a_pointer_into_nothing_has_no_history(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1"] * 5)
    for pointer in ("/nothing", "/last/deeper/0", "/~2", "/-", f"/{'9' * 400}"):
        said = (await get("stream/why", by="sums", name="order-1", pointer=pointer)).json()
        assert (said["found"], said["value"]) == (False, None), pointer
    assert (await get("stream/why", by="sums", name="order-1", pointer="/nothing")).json()["history"] == []


async def test_a_kept_state_is_replayed_up_to_where_it_is_kept(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, BY_TYPE.name, BY_TYPE)
    await fill(engine, log, ["order-1", "order-2"] * 30)
    await sync_to_async(settle)(log, BY_TYPE)
    await fill(engine, log, ["order-1"] * 5, first=60)  # the runner has not come there
    asked = {"by": BY_TYPE.name, "name": "type:A"}
    expected = [event for event in (await all_events(engine, log))[:60] if event.type == "A"]
    listed = (await get("key", limit=5, **asked)).json()
    rest = (await get("key", after=listed["next"], **asked)).json()
    steps = [*listed["steps"], *rest["steps"]]
    assert [each["place"] for each in steps] == [event.position for event in expected]
    assert [each["n"] for each in steps] == list(range(1, len(expected) + 1))
    assert rest["next"] is None
    said = (await get("key/step", **asked)).json()
    assert (said["kind"], said["n"], said["place"], said["next"]) == ("key", len(expected), steps[-1]["place"], None)
    assert said["state"]["events"] == len(expected)
    assert (await get("key/step", n=3, **asked)).json()["place"] == steps[2]["place"]
    assert (await get("key/step", n=len(expected) + 1, **asked)).json()["field"] == "n"
    assert (await get("key/step", place=61, **asked)).json()["field"] == "place"
    assert (await get("key/seek", to="type:*", place=steps[0]["place"], **asked)).json()["place"] == steps[1]["place"]
    assert (await get("key", by=BY_TYPE.name, name="type:Nothing")).json()["steps"] == []
    assert (await get("key/step", by="latest", name="order-2")).json()["kind"] == "stream"


async def test_what_is_unchanged_is_not_sent_again(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1"] * 3)
    for path, query in (("stream/step", {"place": 2}), ("stream", {}), ("stream/why", {"pointer": "", "place": 1})):
        first = await get(path, name="order-1", **query)
        again = await get(path, name="order-1", headers={"If-None-Match": first.headers["ETag"]}, **query)
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


async def test_a_long_way_is_a_job_and_its_end_is_the_answer(
    engine: Engine, log: Log, get: Get, anyone: httpx.AsyncClient, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 6_000)
    known = folded(sums, await all_events(engine, log))
    asked: dict[str, Any] = {"by": "sums", "name": "order-1", "place": 5_900}
    answer = await get("stream/step", **asked)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (await get("stream/step", **asked | {"place": 5_800})).json()["id"] == job["id"]
    assert (await get("stream/why", pointer="/last", **asked)).status_code == 202
    # Its events are there already.
    page = (await get("stream", by="sums", name="order-1", after=5_899, limit=1)).json()
    assert page["job"]
    assert [(each["n"], each["changes"]) for each in page["steps"]] == [(5_900, None)]
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="order-")
    seen = await anyone.get(f"/api/jobs/{job['id']}", headers={"Authorization": f"Bearer {bound}"})
    assert seen.status_code == 200
    await do_all(log)
    said = await get("stream/step", **asked)
    assert said.status_code == 200
    assert f'"state":{exact_json.dumps(known[5_900])},' in said.text
    assert (await get("stream/why", pointer="/last", **asked)).json()["history"][0]["n"] == 5_900
    page = (await get("stream", by="sums", name="order-1", after=5_899, limit=1)).json()
    assert (page["job"], page["steps"][0]["changes"] > 0) == (None, True)


async def test_a_search_that_gives_up_says_where_to_go_on(
    engine: Engine, log: Log, get: Get, sums: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.reading.scan._FIRST_PLACES", 10)
    monkeypatch.setattr("events.reading.scan._Progress.spent", 1e9)  # after one slice
    await fill(engine, log, ["order-1", *["order-2"] * 60])
    asked = {"by": "sums", "q": "stream:order-1 OR nothing"}
    said = (await get("query/step", place=50, **asked)).json()
    assert [said[each] for each in ("event", "n", "place")] == [None, None, 50]
    while not said["event"]:
        said = (await get("query/step", place=said["previous"], **asked)).json()
    assert said["event"]["position"] == 1
    found: list[int] = []
    places: list[Any] = [0]
    while places[-1] is not None:
        page = (await get("query", after=places[-1], **asked)).json()
        found += [each["place"] for each in page["steps"]]
        places.append(page["next"])
    assert (found, len(places) > 5) == ([1], True)


async def test_steps_and_reasons_are_not_confirmed_after_a_redaction(engine: Engine, log: Log, get: Get) -> None:
    await engine.writer.append(log.pk, [make_append("order-1", {"data": b'{"a": 1}'}, {"data": b'{"card": "4111"}'})])
    asked: list[tuple[str, dict[str, Any]]] = [
        ("stream/step", {"place": 2}),
        ("stream/why", {"pointer": "/card", "place": 2}),
        ("stream", {}),
    ]
    first = [await get(path, name="order-1", **query) for path, query in asked]
    assert all("4111" in answer.text for answer in first[:2])
    await sync_to_async(redaction.redact)(log.pk, 2, reason="a secret", by="ada")
    for (path, query), answer in zip(asked, first, strict=True):
        again = await get(path, name="order-1", headers={"If-None-Match": answer.headers["ETag"]}, **query)
        assert again.status_code == 200
        assert "4111" not in again.text
