"""Replays through the API: pages of steps, one step, and the history of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
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
from tests.support.replays import SOURCES, do_all_jobs, folded_states, of_source, source_parameters
from tests.support.running import BY_TYPE, settle


def operations(changes: Sequence[dict[str, Any]]) -> list[Change]:
    """The changes of an answer as operations."""
    return [Change(each["op"], each["path"], each.get("value"), each.get("old"), each.get("from")) for each in changes]


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
    states = folded_states(sums, expected)
    places = [0, *map(source.place, expected)]
    for number in walk:
        n = min(number, len(expected))
        answer = await get(f"{source.kind}/step", by="sums", place=places[n], **source_parameters(source))
        assert answer.status_code == 200, answer.text
        step = loads(answer.text)
        assert (step["place"], step["n"]) == (places[n], step["n"] if source.kind == "query" else n)
        assert step["n"] in (n, None)
        assert step["event"] == (loads(event_json(expected[n - 1]).decode()) if n else None)
        assert step["position"] == (expected[n - 1].position if n else 0)
        assert f'"state":{exact_json.dumps(states[n])},' in answer.text
        assert equal(apply(states[max(n - 1, 0)], operations(step["changes"])), states[n])
        assert step["previous"] == (places[n - 1] if n else None)
        assert step["next"] == (places[n + 1] if n < len(expected) else None)
        if source.kind != "query":
            numbered = await get(f"{source.kind}/step", by="sums", n=n, **source_parameters(source))
            assert numbered.text == answer.text


@pytest.mark.parametrize(("type", "projection"), [("model.replied", "agent_run"), ("Placed", "latest")])
async def test_the_source_decides_if_no_projection_is_named(
    engine: Engine, get: Get, log: Log, type: str, projection: str
) -> None:
    await engine.writer.append(log.pk, [make_append("run-1", {"type": type, "agent": "a", "correlation_id": "w"})])
    for kind, name in (("stream", "run-1"), ("workflow", "w"), ("agent", "a")):
        assert (await get(f"{kind}/step", name=name)).json()["projection"] == projection
    assert (await get("log/step")).json()["projection"] == "latest"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("limit", [7, 200])
async def test_the_pages_of_steps_are_all_steps_in_order(
    engine: Engine, log: Log, get: Get, sums: Projection, source: Source, limit: int
) -> None:
    await fill(engine, log, [*STREAMS] * 16)
    expected = of_source(source, await all_events(engine, log))
    states = folded_states(sums, expected)
    steps: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = (await get(source.kind, by="sums", after=after, limit=limit, **source_parameters(source))).json()
        steps += page["steps"]
        after = page["next"]
        assert (page["position"], page["job"], page["error"]) == (80, None, None)
    assert [each["event"]["position"] for each in steps] == [event.position for event in expected]
    assert [each["place"] for each in steps] == list(map(source.place, expected))
    counted = [each["n"] for each in steps]
    assert counted == list(range(1, len(expected) + 1)) or (source.kind == "query" and counted[limit:].count(None))
    for i, each in enumerate(steps):
        assert (each["changes"] == 0) == equal(states[i], states[i + 1])


async def test_a_request_without_a_place_gets_the_last_step(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1", "order-2"] * 5)
    for kind, query, place in (("stream", {"name": "order-1"}, 5), ("log", {}, 10), ("query", {"q": "type:A"}, None)):
        step = (await get(f"{kind}/step", by="sums", **query)).json()
        assert step["next"] is None
        assert step["place"] == (place or step["event"]["position"])
    assert (await get("stream/step", name="order-1")).json()["projection"] == "latest"


async def test_a_place_between_two_steps_is_that_of_the_one_before(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1"] * 12)
    router = of_source(AgentSource("router"), await all_events(engine, log))
    step = (await get("agent/step", name="router", place=router[2].position - 1)).json()
    assert (step["place"], step["n"]) == (router[1].position, 2)


async def test_names_of_any_kind_are_replayed(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["a/b# (-> X)", "ü%2F&=?"])
    for name in ("a/b# (-> X)", "ü%2F&=?"):
        step = (await get("stream/step", name=name)).json()
        assert (step["name"], step["event"]["stream"]) == (name, name)


async def test_blame_is_what_going_through_all_steps_finds(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 60)
    events = await all_events(engine, log)
    states = folded_states(sums, events)
    for pointer in ("/A", "/B", "/last", ""):
        touched = [n for n in range(1, 61) if not equal(value(states[n - 1], pointer), value(states[n], pointer))]
        for place in (0, 7, 31, 60):
            answer = await get("stream/why", by="sums", name="order-1", place=place, pointer=pointer)
            why: Any = loads(answer.text)
            before = [n for n in touched if n <= place]
            assert [each["n"] for each in why["history"]] == before[::-1][:12]
            assert why["more"] == max(0, len(before) - 12)
            assert why["previous"] == next((n for n in reversed(before) if n < place), None)
            assert (why["next"], why["looked_to"]) == (next((n for n in touched if n > place), None), None)
            assert why["found"] == (value(states[place], pointer) is not None)
            assert equal(why["value"], value(states[place], pointer))


def value(state: Json, pointer: str) -> Any:
    assert isinstance(state, dict)
    return state.get(pointer[1:]) if pointer else state


async def test_a_pointer_into_nothing_has_no_history(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1"] * 5)
    for pointer in ("/nothing", "/last/deeper/0", "/~2", "/-", f"/{'9' * 400}"):
        why = (await get("stream/why", by="sums", name="order-1", pointer=pointer)).json()
        assert (why["found"], why["value"]) == (False, None), pointer
    assert (await get("stream/why", by="sums", name="order-1", pointer="/nothing")).json()["history"] == []


async def test_a_kept_state_is_replayed_up_to_where_it_is_kept(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, BY_TYPE.name, BY_TYPE)
    await fill(engine, log, ["order-1", "order-2"] * 30)
    await sync_to_async(settle)(log, BY_TYPE)
    await fill(engine, log, ["order-1"] * 5, first=60)  # the runner has not read these yet
    query = {"by": BY_TYPE.name, "name": "type:A"}
    expected = [event for event in (await all_events(engine, log))[:60] if event.type == "A"]
    page = (await get("key", limit=5, **query)).json()
    rest = (await get("key", after=page["next"], **query)).json()
    steps = [*page["steps"], *rest["steps"]]
    assert [each["place"] for each in steps] == [event.position for event in expected]
    assert [each["n"] for each in steps] == list(range(1, len(expected) + 1))
    assert rest["next"] is None
    step = (await get("key/step", **query)).json()
    assert (step["kind"], step["n"], step["place"], step["next"]) == ("key", len(expected), steps[-1]["place"], None)
    assert step["state"]["events"] == len(expected)
    assert (await get("key/step", n=3, **query)).json()["place"] == steps[2]["place"]
    assert (await get("key/step", n=len(expected) + 1, **query)).json()["field"] == "n"
    assert (await get("key/step", place=61, **query)).json()["field"] == "place"
    assert (await get("key/seek", to="type:*", place=steps[0]["place"], **query)).json()["place"] == steps[1]["place"]
    assert (await get("key", by=BY_TYPE.name, name="type:Nothing")).json()["steps"] == []
    assert (await get("key/step", by="latest", name="order-2")).json()["kind"] == "stream"


async def test_an_unchanged_answer_is_not_sent_again(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1"] * 3)
    for path, query in (("stream/step", {"place": 2}), ("stream", {}), ("stream/why", {"pointer": "", "place": 1})):
        first = await get(path, name="order-1", **query)
        again = await get(path, name="order-1", headers={"If-None-Match": first.headers["ETag"]}, **query)
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


async def test_a_long_way_is_a_job_and_its_end_is_the_answer(
    engine: Engine, log: Log, get: Get, anyone: httpx2.AsyncClient, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 6_000)
    states = folded_states(sums, await all_events(engine, log))
    query: dict[str, Any] = {"by": "sums", "name": "order-1", "place": 5_900}
    answer = await get("stream/step", **query)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (await get("stream/step", **query | {"place": 5_800})).json()["id"] == job["id"]
    assert (await get("stream/why", pointer="/last", **query)).status_code == 202
    # The events are already there.
    page = (await get("stream", by="sums", name="order-1", after=5_899, limit=1)).json()
    assert page["job"]
    assert [(each["n"], each["changes"]) for each in page["steps"]] == [(5_900, None)]
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="order-")
    job_answer = await anyone.get(f"/api/jobs/{job['id']}", headers={"Authorization": f"Bearer {bound}"})
    assert job_answer.status_code == 200
    await do_all_jobs(log)
    step = await get("stream/step", **query)
    assert step.status_code == 200
    assert f'"state":{exact_json.dumps(states[5_900])},' in step.text
    assert (await get("stream/why", pointer="/last", **query)).json()["history"][0]["n"] == 5_900
    page = (await get("stream", by="sums", name="order-1", after=5_899, limit=1)).json()
    assert (page["job"], page["steps"][0]["changes"] > 0) == (None, True)


async def test_a_search_that_gives_up_says_where_to_go_on(
    engine: Engine, log: Log, get: Get, sums: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.reading.scan._FIRST_PLACES", 10)
    monkeypatch.setattr("events.reading.scan._Progress.spent", 1e9)  # the search stops after one slice
    await fill(engine, log, ["order-1", *["order-2"] * 60])
    query = {"by": "sums", "q": "stream:order-1 OR nothing"}
    step = (await get("query/step", place=50, **query)).json()
    assert [step[each] for each in ("event", "n", "place")] == [None, None, 50]
    while not step["event"]:
        step = (await get("query/step", place=step["previous"], **query)).json()
    assert step["event"]["position"] == 1
    places_found: list[int] = []
    places: list[Any] = [0]
    while places[-1] is not None:
        page = (await get("query", after=places[-1], **query)).json()
        places_found += [each["place"] for each in page["steps"]]
        places.append(page["next"])
    assert (places_found, len(places) > 5) == ([1], True)


async def test_steps_and_reasons_are_not_confirmed_after_a_redaction(engine: Engine, log: Log, get: Get) -> None:
    await engine.writer.append(log.pk, [make_append("order-1", {"data": b'{"a": 1}'}, {"data": b'{"card": "4111"}'})])
    requests: list[tuple[str, dict[str, Any]]] = [
        ("stream/step", {"place": 2}),
        ("stream/why", {"pointer": "/card", "place": 2}),
        ("stream", {}),
    ]
    first = [await get(path, name="order-1", **query) for path, query in requests]
    assert all("4111" in answer.text for answer in first[:2])
    await sync_to_async(redaction.redact)(log.pk, 2, reason="a secret", by="ada")
    for (path, query), answer in zip(requests, first, strict=True):
        again = await get(path, name="order-1", headers={"If-None-Match": answer.headers["ETag"]}, **query)
        assert again.status_code == 200
        assert "4111" not in again.text
