"""A state that is not up to date says so, and the fault of one key delays no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.models import Log
from events.reading import store
from events.reading.db_work import run
from projections import Projection, pointer
from projections.definition.projection import LOG, Key
from projections.materialise import checkpoints
from projections.models import Checkpoint, Policy
from projections.states import current
from projections.states.at_moment import Stale, State
from tests.support.factories import make_append
from tests.support.folds import from_zero, some_event
from tests.support.running import append, declare_only, live, poisoned, settle, totals

FAULT = "RuntimeError: poisoned"


def event_of(stream: str, n: int) -> tuple[str, dict[str, Any]]:
    return stream, some_event(n)


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Projection:
    projection = totals(policy="stop")
    declare_only(monkeypatch, projection)
    return projection


@pytest.fixture
def stopped(log: Log, stopping: Projection) -> Projection:
    """A projection that stopped at event 3, of `order-1`; events of `order-2` and `order-1` follow."""
    append(
        log,
        [
            event_of("order-1", 0),
            event_of("order-2", 1),
            poisoned("order-1"),
            event_of("order-2", 4),
            event_of("order-1", 5),
        ],
    )
    settle(log, stopping)
    assert live(log).state == "stopped"
    return stopping


def now(log: Log, projection: Projection, key: str) -> State:
    return run(current.state(log.pk, projection, key))


def folded(log: Log, projection: Projection, key: str, *, upto: int) -> State:
    return from_zero(projection, key, store.events(log.pk, limit=100).fetch()[:upto])


def test_the_fault_of_another_key_does_not_hold_a_state_up(log: Log, stopped: Projection) -> None:
    assert now(log, stopped, "order-2") == folded(log, stopped, "order-2", upto=5)
    assert now(log, stopped, "nobody").stale is None


def test_a_state_whose_own_event_failed_is_that_before_it_and_says_so(log: Log, stopped: Projection) -> None:
    state = now(log, stopped, "order-1")
    assert state.stale == Stale("failed", 2, 5, FAULT, 3)
    assert replace(state, stale=None) == folded(log, stopped, "order-1", upto=2)


def test_an_event_that_fails_beyond_where_the_projection_stopped_is_named(log: Log, stopped: Projection) -> None:
    append(log, [poisoned("order-2"), event_of("order-2", 9)])
    assert now(log, stopped, "order-2").stale == Stale("failed", 5, 7, FAULT, 6)


def test_a_parked_key_says_so_and_the_others_do_not(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals()
    declare_only(monkeypatch, projection)
    append(log, [event_of("order-1", 0), poisoned("order-1"), event_of("order-2", 1)])
    settle(log, projection)
    assert now(log, projection, "order-2").stale is None
    parked = now(log, projection, "order-1")
    assert parked.stale == Stale("failed", 1, 3, FAULT, 2)
    assert replace(parked, stale=None) == folded(log, projection, "order-1", upto=1)
    page = run(current.states(log.pk, projection, query=None, after=None, limit=9))
    assert [(each.key, each.error, each.error_position) for each in page.states] == [
        ("order-1", FAULT, 2),
        ("order-2", None, None),
    ]
    assert page.stale is None


def test_a_list_of_states_says_that_its_projection_stopped(log: Log, stopped: Projection) -> None:
    page = run(current.states(log.pk, stopped, query=None, after=None, limit=9))
    assert (page.position, page.stale) == (2, Stale("stopped", 2, 5, FAULT, 3))


@pytest.mark.parametrize(("key", "name"), [(pointer("/customer"), "c-0"), (LOG, "")], ids=["no index", "whole log"])
def test_a_key_whose_fold_would_take_the_whole_log_is_answered_as_it_is_kept_and_says_so(
    log: Log, monkeypatch: pytest.MonkeyPatch, key: Key, name: str
) -> None:
    projection = totals(key=key, policy="stop")
    declare_only(monkeypatch, projection)
    fault = {"type": "Poisoned", "data": b'{"customer": "c-1", "poison": "raise"}'}
    append(log, [event_of("order-1", 0), ("order-1", fault)])
    settle(log, projection)
    assert now(log, projection, name).stale == Stale("stopped", 1, 2, FAULT, 2)


@pytest.mark.parametrize("how", ["paused", "code changed", "stalled"])
def test_while_a_build_stands_still_for_any_reason_states_are_folded(
    log: Log, stopping: Projection, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    append(log, [event_of("order-1", 0)])
    settle(log, stopping)
    if how == "paused":
        checkpoints.pause(log.pk, "totals", live(log).build)
    elif how == "code changed":
        Checkpoint.objects.filter(log=log).update(fingerprint="0" * 64)
    append(log, [event_of("order-1", 1)])
    if how == "stalled":
        Checkpoint.objects.filter(log=log).update(advanced_at="2026-01-01T00:00Z")
        monkeypatch.setattr("projections.materialise.standing._STALLED", timedelta(0))
    assert live(log).state == how
    assert now(log, stopping, "order-1") == folded(log, stopping, "order-1", upto=2)
    page = run(current.states(log.pk, stopping, query=None, after=None, limit=9))
    assert page.stale == Stale(how, 1, 2)


async def ask(anyone: httpx2.AsyncClient, token: str, path: str, **query: Any) -> httpx2.Response:
    return await anyone.get(
        f"/api/projections/totals/{path}", params=query, headers={"Authorization": f"Bearer {token}"}
    )


async def test_the_api_says_how_far_an_answer_is_and_why(
    log: Log, stopped: Projection, token: str, anyone: httpx2.AsyncClient
) -> None:
    stale = {"reason": "failed", "position": 2, "head": 5, "error": FAULT, "error_position": 3}
    old = await ask(anyone, token, "state", key="order-1")
    assert (old.status_code, old.json()["stale"], old.json()["position"]) == (200, stale, 1)
    sound = await ask(anyone, token, "state", key="order-2")
    assert (sound.json()["stale"], sound.json()["position"]) == (None, 4)
    rows = (await ask(anyone, token, "states")).json()
    assert rows["stale"] == {**stale, "reason": "stopped"}
    past = await ask(anyone, token, "state", key="order-1", at_position=2)
    assert past.json()["stale"] is None


async def test_waiting_ends_at_once_with_what_can_be_read_or_with_the_fault(
    log: Log, stopped: Projection, token: str, anyone: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.api.operations._PATIENCE_SECONDS", 3_600)
    sound = await ask(anyone, token, "state", key="order-2", wait_for_position=5)
    assert (sound.status_code, sound.json()["position"]) == (200, 4)
    refusal = await ask(anyone, token, "state", key="order-1", wait_for_position=5)
    problem = refusal.json()
    assert (refusal.status_code, problem["code"], problem["error_position"]) == (409, "stands-still", 3)
    assert FAULT in problem["detail"]
    assert "Retry-After" not in refusal.headers
    early = await ask(anyone, token, "state", key="order-1", wait_for_position=2)
    assert early.status_code == 200
    rows = await ask(anyone, token, "states", q="has:state.sum", wait_for_position=5)
    assert (rows.status_code, rows.json()["code"], rows.json()["error_position"]) == (409, "stands-still", 3)


async def test_waiting_for_what_a_stopped_projection_has_not_been_told_yet_goes_on(
    log: Log, stopped: Projection, token: str, anyone: httpx2.AsyncClient, engine: Engine
) -> None:
    waiting = asyncio.ensure_future(ask(anyone, token, "state", key="order-2", wait_for_position=6))
    await engine.writer.append(log.pk, [make_append("order-2", {"type": "A"})])
    assert (await waiting).json()["position"] == 6


async def test_behind_is_said_only_while_the_runner_moves(
    log: Log, stopping: Projection, token: str, anyone: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.api.operations._PATIENCE_SECONDS", 0.05)
    await sync_to_async(append)(log, [event_of("order-1", 0)])
    await sync_to_async(settle)(log, stopping)
    await sync_to_async(append)(log, [event_of("order-1", 1)])
    moving = await ask(anyone, token, "state", key="order-1", wait_for_position=2)
    assert (moving.status_code, moving.json()["code"]) == (503, "behind")
    assert (await ask(anyone, token, "state", key="order-1")).json()["stale"]["reason"] == "behind"
    await sync_to_async(checkpoints.pause)(log.pk, "totals", 1)
    paused = await ask(anyone, token, "state", key="order-1", wait_for_position=2)
    assert (paused.status_code, paused.json()["position"]) == (200, 2)


def test_an_operators_choice_is_kept_by_the_next_build(log: Log, stopping: Projection) -> None:
    append(log, [event_of("order-1", 0)])
    settle(log, stopping)
    checkpoints.set_policy(log.pk, "totals", Policy.SKIP)
    checkpoints.rebuild(log.pk, stopping)
    assert {each.policy for each in checkpoints.progress(log)} == {"skip"}
