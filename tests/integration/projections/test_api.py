"""States through the API: now and at any moment, for each kind of reader, and as a job if the fold is long."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from projections import registry
from projections.definition.projection import AGENT, Projection
from projections.jobs import queue
from projections.models import Job, JobStatus, Snapshot
from tests.support.factories import make_append, make_name
from tests.support.fixture_types import Get
from tests.support.folds import all_events, fill, from_zero, projection
from tests.support.replays import claim


@pytest.fixture
def get(anyone: httpx2.AsyncClient, token: str) -> Get:
    async def get(
        path: str, *, token: str = token, headers: dict[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        return await anyone.get(
            f"/api/{path}", params=query, headers={"Authorization": f"Bearer {token}", **(headers or {})}
        )

    return get


async def test_a_state_says_what_it_is_true_at(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1", "order-2"] * 20)
    events = await all_events(engine, log)
    for query, upto in (
        ({}, 40),
        ({"at_position": 11}, 11),
        ({"at_version": 3}, 5),
        ({"at_time": events[6].recorded_at.isoformat()}, None),
    ):
        answer = await get("projections/sums/state", key="order-1", **query)
        assert answer.status_code == 200, answer.text
        if upto is not None:
            state = from_zero(sums, "order-1", events[:upto])
            assert answer.text == (
                f'{{"projection":"sums","key":"order-1","state":{state.text},"position":{state.position},'
                f'"version":{state.version},"events":{state.events},"stale":null}}'
            )


async def test_an_unchanged_answer_is_not_sent_again(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1"])
    first = await get("projections/sums/state", key="order-1")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = await get("projections/sums/state", key="order-1", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    await fill(engine, log, ["order-1"], first=5)
    assert (await get("projections/sums/state", key="order-1", headers=tag)).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 422, "key"),
        ({"key": "order-1", "at_position": 9}, 422, "at_position"),
        ({"key": "order-1", "at_version": 9}, 422, "at_version"),
        ({"key": "order-1", "at_version": 1, "at_position": 1}, 422, "at_position"),
        ({"key": "order-1", "at_time": "2026-01-01"}, 422, "at_time"),
        ({"key": "order-1", "at_time": "2026-01-01T00:00:00"}, 422, "at_time"),
        ({"key": "a\0b"}, 422, "key"),
    ],
)
async def test_a_moment_that_is_none_is_refused(
    engine: Engine, log: Log, get: Get, sums: Projection, query: dict[str, Any], status: int, field: str
) -> None:
    await fill(engine, log, ["order-1"])
    answer = await get("projections/sums/state", **query)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from_position": 9}, "from_position"),
        ({"to_position": 9}, "to_position"),
        ({"from_version": 9}, "from_version"),
        ({"to_version": 9}, "to_version"),
        ({"from_time": "2026-01-01"}, "from_time"),
        ({"to_time": "yesterday"}, "to_time"),
        ({"from_version": 1, "from_time": "2026-01-01T00:00:00Z"}, "from_time"),
        ({"to_position": 1, "to": 1}, "to"),
        ({"at_version": 1}, "at_version"),
    ],
)
async def test_a_side_of_a_difference_that_is_no_moment_is_refused_by_its_name(
    engine: Engine, log: Log, get: Get, sums: Projection, query: dict[str, Any], field: str
) -> None:
    await fill(engine, log, ["order-1"])
    answer = await get("projections/sums/diff", key="order-1", **query)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_an_unknown_projection_is_not_found(get: Get) -> None:
    for path, query in (
        ("", {}),
        ("/state", {"key": "a"}),
        ("/states", {}),
        ("/diff", {"key": "a", "from_position": 0, "to_position": 0}),
    ):
        answer = await get(f"projections/nonsense{path}", **query)
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-projection")


async def test_a_token_of_a_prefix_sees_the_states_of_its_streams_only(
    engine: Engine, log: Log, get: Get, sums: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, "by-agent", projection("by-agent", key=AGENT))
    await fill(engine, log, ["order-1", "a/b# (-> X)"] * 3)
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="order-")

    async def status(path: str, **query: Any) -> int:
        return (await get(path, token=bound, **query)).status_code

    assert await status("projections/sums/state", key="order-1") == 200
    assert await status("projections/sums/state", key="a/b# (-> X)") == 403
    assert await status("projections/sums/diff", key="a/b# (-> X)", from_position=1, to_position=2) == 403
    assert await status("projections/by-agent/state", key="router") == 403
    assert await status("projections/by-agent/states") == 403
    assert await status("jobs") == 403
    rows = (await get("projections/sums/states", token=bound)).json()["states"]
    assert [each["key"] for each in rows] == ["order-1"]
    assert await status("projections/sums/states", prefix="a/b") == 403


@pytest.mark.parametrize(
    ("prefix", "keys"), [("", ["a/b", "order-1", "order-10"]), ("order-10", ["order-10"]), ("or-", [])]
)
async def test_states_are_listed_by_the_beginning_of_their_keys(
    engine: Engine, log: Log, get: Get, sums: Projection, prefix: str, keys: list[str]
) -> None:
    await fill(engine, log, ["order-1", "order-10", "a/b"])
    rows = (await get("projections/sums/states", prefix=prefix)).json()["states"]
    assert [each["key"] for each in rows] == keys


async def test_a_difference_holds_operations_with_old_values(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 8)
    events = await all_events(engine, log)
    answer = (await get("projections/sums/diff", key="order-1", from_position=2, to_position=8)).json()
    before, after = (from_zero(sums, "order-1", events[:n]) for n in (2, 8))
    assert answer["from"] == {"position": before.position, "version": before.version, "events": before.events}
    assert answer["to"] == {"position": after.position, "version": after.version, "events": after.events}
    last = next(each for each in answer["changes"] if each["path"] == "/last")
    assert last == {
        "op": "replace",
        "path": "/last",
        "value": json.loads(after.text)["last"],
        "old": json.loads(before.text)["last"],
    }


async def test_the_sides_of_a_difference_are_named_like_the_moment_of_a_state(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    for first in range(0, 8, 2):  # events of one append are recorded at the same time
        await fill(engine, log, ["order-2", "order-1"], first=first)
    recorded = [event.recorded_at.isoformat() for event in await all_events(engine, log)]
    expected = (await get("projections/sums/diff", key="order-1", from_position=2, to_position=6)).text
    for query in (
        {"from_version": 1, "to_version": 3},
        {"from_time": recorded[1], "to_time": recorded[5]},
        {"from_version": 1, "to_position": 6},
        {"from": 2, "to": 6},
    ):
        answer = await get("projections/sums/diff", key="order-1", **query)
        assert answer.text == expected, query
    whole = (await get("projections/sums/diff", key="order-1")).json()
    assert (whole["from"]["events"], whole["to"]["version"]) == (0, 4)


async def test_states_are_listed_by_key_in_pages(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    names = sorted(make_name("order") for _ in range(7))
    await fill(engine, log, names * 3)
    events = await all_events(engine, log)
    states: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = (await get("projections/sums/states", limit=3, **after)).json()
        states += page["states"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [each["key"] for each in states] == names
    for each in states:
        state = from_zero(sums, each["key"], events)
        assert (each["state"], each["events"]) == (json.loads(state.text), state.events)


async def test_states_are_found_by_what_holds_of_them(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    names = sorted(make_name("order") for _ in range(9))
    await fill(engine, log, names)
    page = (await get("projections/sums/states", q="state.last>4")).json()
    everything = (await get("projections/sums/states")).json()["states"]
    assert page["states"] == [each for each in everything if each["state"]["last"] > 4]
    assert 0 < len(page["states"]) < len(everything)
    assert (await get("projections/sums/states", q="type:A")).status_code == 422
    assert (await get("projections/sums/states", q="state.(")).json()["code"] == "invalid-query"


async def test_a_long_fold_is_a_job_and_its_end_is_the_answer(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 3_500)
    answer = await get("projections/sums/state", key="order-1")
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (await get("projections/sums/state", key="order-1")).json()["id"] == job["id"]
    assert [each["id"] for each in (await get("jobs")).json()["jobs"]] == [job["id"]]
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    # Another test's server may have taken the job; it does not know this projection.
    await Job.objects.filter(id=job["id"]).aupdate(status=JobStatus.QUEUED, attempt=0)
    await sync_to_async(queue.do)(await sync_to_async(claim)(job["id"]))
    assert (await get(f"jobs/{job['id']}")).json()["status"] == "done"
    answer = await get("projections/sums/state", key="order-1")
    assert answer.status_code == 200
    assert answer.json()["events"] == from_zero(sums, "order-1", await all_events(engine, log)).events


async def test_a_job_is_cancelled_by_an_admin(
    engine: Engine, log: Log, anyone: httpx2.AsyncClient, get: Get, sums: Projection, token: str
) -> None:
    await fill(engine, log, ["order-1"] * 1_500)
    job = (await get("projections/sums/state", key="order-1")).json()["id"]
    admin = await sync_to_async(tokens.create_token)(log, name="admin", scopes=[Scope.ADMIN])

    async def cancel(with_token: str) -> httpx2.Response:
        return await anyone.post(f"/api/jobs/{job}/cancel", headers={"Authorization": f"Bearer {with_token}"})

    assert (await cancel(token)).status_code == 403
    answer = await cancel(admin)
    assert answer.status_code == 200
    assert answer.json()["cancel_requested"]


async def test_a_reader_can_wait_for_its_own_append(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1"])
    waiting = asyncio.ensure_future(get("projections/sums/state", key="order-1", wait_for_position=2))
    await engine.writer.append(log.pk, [make_append("order-1", {"type": "A"})])
    answer = await waiting
    assert (answer.status_code, answer.json()["position"]) == (200, 2)


async def test_a_list_of_states_waits_as_well(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    await fill(engine, log, ["order-1"])
    waiting = asyncio.ensure_future(get("projections/sums/states", wait_for_position=2))
    await engine.writer.append(log.pk, [make_append("order-2", {"type": "A"})])
    answer = await waiting
    assert (answer.status_code, answer.json()["position"]) == (200, 2)
    assert [each["key"] for each in answer.json()["states"]] == ["order-1", "order-2"]


@pytest.mark.parametrize(
    ("path", "query"), [("state", {"key": "order-1"}), ("states", {}), ("states", {"q": "has:state.A"})]
)
async def test_waiting_has_an_end(
    get: Get, sums: Projection, monkeypatch: pytest.MonkeyPatch, path: str, query: dict[str, str]
) -> None:
    monkeypatch.setattr("projections.api.operations._PATIENCE_SECONDS", 0.05)
    answer = await get(f"projections/sums/{path}", wait_for_position=2, **query)
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")


async def test_waiting_ends_when_the_server_stops(engine: Engine, get: Get, sums: Projection) -> None:
    engine.end_waits()
    async with asyncio.timeout(2):
        answer = await get("projections/sums/state", key="order-1", wait_for_position=2)
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")


async def test_a_reducer_that_raises_is_named_with_its_event(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Projection("fails", about="For a test.")
    fails.on("*")(lambda state, happened: state["nothing"])
    monkeypatch.setitem(registry.PROJECTIONS, "fails", fails)
    await fill(engine, log, ["order-1", "order-2"])
    answer = await get("projections/fails/state", key="order-2")
    assert (answer.status_code, answer.json()["code"], answer.json()["position"]) == (409, "reducer-failed", 2)
    rows = (await get("projections/fails/states")).json()["states"]
    assert [(row["state"], row["error"]) for row in rows] == [(None, "KeyError: 'nothing'")] * 2


async def test_projections_say_what_they_are(engine: Engine, log: Log, get: Get, sums: Projection) -> None:
    answer = (await get("projections")).json()
    assert {each["name"] for each in answer["projections"]} == set(registry.PROJECTIONS)
    one = (await get("projections/sums")).json()
    assert one in answer["projections"]
    assert (one["key"], one["materialised"], one["builds"]) == ("stream", False, [])


async def test_a_failing_cache_fails_no_read(
    engine: Engine, log: Log, get: Get, sums: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.states.sql.KEEP_SNAPSHOT", "select 1 / 0")
    await fill(engine, log, ["order-1"] * 300)
    answer = await get("projections/sums/state", key="order-1")
    assert answer.status_code == 200
    assert not await Snapshot.objects.filter(log=log).aexists()


async def test_a_state_is_not_confirmed_after_a_redaction(engine: Engine, log: Log, get: Get) -> None:
    await engine.writer.append(log.pk, [make_append("order-1", {"data": b'{"a": 1}'}, {"data": b'{"card": "4111"}'})])
    first = await get("projections/latest/state", key="order-1")
    assert "4111" in first.text
    await sync_to_async(redaction.redact)(log.pk, 2, reason="a secret", by="ada")
    again = await get("projections/latest/state", key="order-1", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert "4111" not in again.text
