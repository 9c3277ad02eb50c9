"""The current states of materialised projections: the stored ones, their past, and the search among them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from events.models import Log
from events.reading import store
from events.reading.db_work import run
from events.redaction import redact
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection, pointer
from projections.materialise.runner import Part
from projections.models import Snapshot
from projections.states import current, kept
from projections.states.at_moment import Stale, state_at
from projections.states.fold import Pace
from projections.states.kept import ListedState, StatesPage
from projections.states.moment import Moment
from projections.states.query import parse_state_query, state_matcher
from projections.states.sources.parse import source_of
from projections.states.value_history import history
from tests.support.folds import from_zero
from tests.support.running import append, declare_only, poisoned, settle, totals, varied

CUSTOMERS = ("c-0", "c-1", "c-2")


def page(log: Log, projection: Projection, q: str = "", **options: Any) -> StatesPage:
    query = parse_state_query(q) if q else None
    return run(current.states(log.pk, projection, **{"query": query, "after": None, "limit": 100, **options}))


def test_a_kept_state_is_the_state(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals()
    declare_only(monkeypatch, projection)
    append(log, varied(200))
    settle(log, projection)
    append(log, varied(20))  # which the runner has not read yet
    events = store.events(log.pk, limit=1_000).fetch()
    for key in ("order-0", "order-7", "nobody"):
        now = run(current.state(log.pk, projection, key))
        assert now.stale == Stale("behind", 200, 220)
        assert replace(now, stale=None) == from_zero(projection, key, events[:200])
        for position in (50, 200, 220):
            at = Moment(position=position)
            assert run(current.state(log.pk, projection, key, at=at)) == from_zero(projection, key, events[:position])


@pytest.mark.parametrize("upto", [1, 99, 200, 399, 400, 401, 450])
def test_the_places_of_a_key_that_the_runner_noted_lead_to_any_moment(log: Log, upto: int) -> None:
    projection = totals(key=pointer("/customer"))
    append(log, varied(400))
    settle(log, projection)
    append(log, varied(50, first=400))
    events = store.events(log.pk, limit=1_000).fetch()
    for _ in range(2):
        for key in CUSTOMERS:
            assert run(source_of(log.pk, projection, key)).kind == "kept"
            for chunk in (7, 100):
                pace = Pace(chunk_events=chunk, max_events=None)
                result = run(state_at(log.pk, projection, key, at=Moment(position=upto), pace=pace))
                assert result == from_zero(projection, key, events[:upto])


def test_the_history_of_a_noted_key_goes_on_behind_what_was_noted(log: Log) -> None:
    projection = totals(key=pointer("/customer"))
    append(log, varied(100))
    settle(log, projection)
    append(log, varied(30, first=100))
    events = store.events(log.pk, limit=1_000).fetch()
    values = [from_zero(projection, "c-1", events[:n]).value["sum"] for n in range(131)]  # type: ignore[index,call-overload]
    changed = [n for n in range(1, 131) if values[n] != values[n - 1]]
    result = run(history(log.pk, projection, "c-1", pointer="/sum"))
    assert [event.position for event, _ in result.touches] == changed[::-1]
    assert result.rest is None


def test_places_that_other_code_noted_are_not_used(log: Log) -> None:
    projection = totals(key=pointer("/customer"))
    append(log, varied(50))
    settle(log, projection)
    changed = totals(key=pointer("/customer"), marker=2)
    assert run(source_of(log.pk, projection, "c-1")).kind == "kept"
    assert run(source_of(log.pk, changed, "c-1")).kind == "key"


def test_a_reducer_that_failed_under_another_policy_is_not_passed_over(log: Log) -> None:
    projection = totals()
    append(log, [*varied(30), poisoned("order-7")])
    settle(log, projection)
    with pytest.raises(ReducerFailed):
        run(state_at(log.pk, projection, "order-7"))


def test_kept_states_are_listed_and_found_in_slices(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals()
    append(log, varied(200))
    settle(log, projection)
    every = page(log, projection)
    assert (every.next, every.position) == (None, 200)
    events = store.events(log.pk, limit=1_000).fetch()
    for each in every.states:
        assert each.state == from_zero(projection, each.key, events)
    monkeypatch.setattr(kept, "_SLICE_KEYS", 3)
    for q in ("state.sum>150", "-state.sum>150", "has:state.Bought", "state.sum>1e9", "state.marker:1"):
        fits = state_matcher(parse_state_query(q))
        listed_states: list[ListedState] = []
        after: str | None = None
        while True:
            part = page(log, projection, q, after=after, limit=2)
            listed_states += part.states
            after = part.next
            if after is None:
                break
        assert listed_states == [each for each in every.states if fits(each.state.value)]


def test_a_search_says_how_far_it_came_when_the_time_is_up(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals()
    append(log, varied(200))
    settle(log, projection)
    monkeypatch.setattr(kept, "_SLICE_KEYS", 3)
    monkeypatch.setattr(kept, "_BUDGET_SECONDS", -1.0)
    first = page(log, projection, "state.sum>1e9")
    keys = [each.key for each in page(log, projection, limit=3).states]
    assert (first.states, first.next) == ((), keys[-1])


def test_no_snapshot_is_needed_for_what_is_kept(log: Log) -> None:
    projection = totals()
    append(log, varied(300))
    settle(log, projection)
    run(current.state(log.pk, projection, "order-0"))
    page(log, projection)
    assert not Snapshot.objects.filter(log=log).exists()


def test_states_are_folded_while_the_kept_ones_may_hold_what_was_redacted(log: Log) -> None:
    merging = Projection("merging", about="For a test.", materialised=True)
    merging.on("*")(lambda state, happened: {**state, **(happened.data or {})})
    append(log, [("order-1", {"type": "A", "data": b'{"card": "4000-secret"}'}), *varied(3)])
    settle(log, merging)
    assert run(current.state(log.pk, merging, "order-1")).value == {"card": "4000-secret"}
    redact(log.pk, 1, reason="a card number", by="admin")
    assert run(current.state(log.pk, merging, "order-1")).value == {}
    assert "4000-secret" not in str(page(log, merging))
    assert page(log, merging, q="state.card:4000*").states == ()
    settle(log, merging)
    settle(log, merging, part=Part.BESIDE)
    append(log, varied(3, first=3))  # which the stored states do not contain yet
    assert page(log, merging).position == 5
    assert "4000-secret" not in str(page(log, merging))


def test_the_database_finds_the_same_empty_states_as_the_function(log: Log) -> None:
    values: list[Any] = [{}, [], [{}], {"a": {}}, [1], [[]], [{}, {"a": 1}], None, 0, "", {"a": []}]
    others: list[Any] = [{}, [], None, [{"open": {}}], [{"open": 1}]]
    states = [*({"open": value} for value in values), *others]
    as_sent = Projection("as_sent", about="For a test.", materialised=True)
    as_sent.on("*")(lambda state, happened: happened.data)
    append(log, [(f"s-{n:02}", {"type": "A", "data": json.dumps(state).encode()}) for n, state in enumerate(states)])
    settle(log, as_sent)
    for q in ("has:state.open", "-has:state.open", "has:state"):
        fits = state_matcher(parse_state_query(q))
        assert [result.state.value for result in page(log, as_sent, q).states] == [
            each for each in states if fits(each)
        ]
