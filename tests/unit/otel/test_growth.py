"""Whatever shape a run has, the work and the memory to map it grow as the run does."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from events.otel.mapping.run import map_run
from events.otel.spans import Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
CHAT = {"gen_ai.operation.name": "chat"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
STEP = {"traceloop.span.kind": "task", "traceloop.entity.name": "a"}
REPLY = {
    **CHAT,
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "tool_calls": [{"id": f"{number}", "name": "look"} for number in range(40)]}]
    ),
}
SPANS = 400
FAR = 10**9


def span(number: int, parent: int | None, start: int, end: int, attributes: dict[str, Any]) -> Span:
    parent_id = None if parent is None else f"{parent:016x}"
    return Span(TRACE, f"{number:016x}", parent_id, "x", start, end, attributes)


def chain(attributes: dict[str, Any]) -> Callable[[int], Iterator[Span]]:
    """Each span within the one before."""

    def make(count: int) -> Iterator[Span]:
        for number in range(1, count):
            yield span(number, number - 1 or None, number, FAR - number, attributes)

    return make


def side_by_side(*kinds: dict[str, Any], start: int = 1, end: int = 1) -> Callable[[int], Iterator[Span]]:
    """Spans below one agent, of each kind in turn; each begins and ends later than the one before by so much."""

    def make(count: int) -> Iterator[Span]:
        yield span(1, None, 0, FAR, AGENT)
        for number in range(2, count):
            place = number // len(kinds)
            yield span(number, 1, place * start + 1, place * end + 2 * count, kinds[number % len(kinds)])

    return make


def chain_with_leaves(count: int) -> Iterator[Span]:
    """Calls of models within each other, each with another call beside the one within it."""
    for one in chain(CHAT)(count // 2):
        yield one
        yield span(FAR + one.started_ns, one.started_ns, one.started_ns, one.started_ns + 1, CHAT)


SHAPES: dict[str, Callable[[int], Iterator[Span]]] = {
    "steps within steps": chain(STEP),
    "workflows within workflows": chain({"traceloop.span.kind": "workflow"}),
    "agents within agents": chain(AGENT),
    "tools within tools": chain(TOOL),
    "models within models": chain(CHAT),
    "models within models with leaves": chain_with_leaves,
    "unknown spans within unknown spans": chain({}),
    "agents without children": side_by_side({"openinference.span.kind": "AGENT"}),
    "agents and the steps that they run": side_by_side(AGENT, STEP),
    "agents and steps at the same time": side_by_side(AGENT, STEP, start=0, end=0),
    "agents and steps that end before they begin": side_by_side(AGENT, STEP, start=0, end=-1),
    "tools at the same time": side_by_side(TOOL, start=0, end=0),
    "tools one after the other": side_by_side(TOOL, start=3000, end=3000),
    "tools that go on, and replies": side_by_side(TOOL, CHAT, end=1000),
    "many calls of tools": side_by_side(REPLY, TOOL),
}


def work(run: Callable[[], object]) -> int:
    """The lines of Python that a call executes."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


def peak_bytes(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cost", [work, peak_bytes])
def test_a_run_that_is_twice_as_large_costs_twice_as_much(
    shape: str, cost: Callable[[Callable[[], object]], int]
) -> None:
    small, large = (list(SHAPES[shape](count)) for count in (SPANS, 2 * SPANS))
    map_run(small)  # what is compiled or imported once
    assert cost(lambda: map_run(large)) < 2.4 * cost(lambda: map_run(small))
