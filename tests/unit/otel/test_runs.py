"""Which traces are mapped together, and when."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.otel.runs import HeldTrace, Run, runs_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
A, B, C, D = (UUID(int=number) for number in range(1, 5))
PAIRS = list(combinations((A, B, C, D), 2))


def held(id: UUID, *, due_in: float = 0, **fields: Any) -> HeldTrace:
    return HeldTrace(id, NOW + timedelta(seconds=due_in), is_due=due_in <= 0, **fields)


def kept(id: UUID) -> HeldTrace:
    return HeldTrace(id, None)


def ids(runs: list[Run]) -> list[list[UUID]]:
    return [[trace.id for trace in run.traces] for run in runs]


def test_a_trace_without_links_is_a_run() -> None:
    assert ids(runs_of([held(B), held(A)], [])) == [[B], [A]]


def test_a_link_may_go_over_a_trace_of_which_nothing_is_there() -> None:
    [run] = runs_of([held(A), held(C)], [(A, B), (B, C)])
    assert run.ids == {A, B, C}
    assert [trace.id for trace in run.traces] == [A, C]


@given(st.permutations(PAIRS).flatmap(lambda pairs: st.integers(0, 6).map(lambda count: pairs[:count])))
def test_links_make_the_same_runs_in_any_order(pairs: list[tuple[UUID, UUID]]) -> None:
    traces = [held(id) for id in (A, B, C, D)]
    runs = runs_of(traces, pairs)
    assert sorted(id for run in ids(runs) for id in run) == [A, B, C, D]
    run_of = {trace.id: number for number, run in enumerate(runs) for trace in run.traces}
    assert all(run_of[one] == run_of[other] for one, other in pairs)
    assert runs == runs_of(traces, [(other, one) for one, other in reversed(pairs)])
    assert len(runs) >= 4 - len(pairs)


def test_many_links_between_few_traces_take_little_time() -> None:
    traces = [held(UUID(int=number)) for number in range(1_000)]
    links = [(one.id, other.id) for one, other in islice(combinations(traces, 2), 200_000)]
    start = time.perf_counter()
    [run, *others] = runs_of(traces, links)
    assert time.perf_counter() - start < 3
    assert len(run.ids) + len(others) == 1_000


@pytest.mark.parametrize(
    ("traces", "is_due"),
    [
        ([held(A)], True),
        ([held(A, due_in=1)], False),
        ([held(A), held(B)], True),
        ([held(A), held(B, due_in=1)], False),
        ([held(A), kept(B)], True),
        ([kept(A)], False),
        ([held(A, has_waited=True), held(B, due_in=1)], True),
        ([held(A, held_bytes=600), held(B, due_in=1, held_bytes=400)], True),
        ([held(A, held_bytes=500), held(B, due_in=1, held_bytes=400)], False),
        ([held(A, due_in=2, held_bytes=600), held(B, due_in=1, held_bytes=400)], False),
    ],
)
def test_a_run_is_due_when_all_its_traces_are(traces: list[HeldTrace], is_due: bool) -> None:
    run = Run(traces, frozenset())
    assert run.is_due(most_bytes=1000) is is_due


def test_a_run_waits_for_the_last_of_its_traces() -> None:
    run = Run([held(A), held(B, due_in=9), held(C, due_in=5), kept(D)], frozenset())
    assert run.due_at == NOW + timedelta(seconds=9)
    assert [trace.id for trace in run.held] == [A, B, C]
