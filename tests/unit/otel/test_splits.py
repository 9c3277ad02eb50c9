"""A run may come in parts that are mapped at different times, in any order: no event is lost, or there twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from events.otel.mapping.run import MappedEvent, MappedRun, map_run
from events.otel.spans import LogRecord, Span
from tests.support.mapped import WholeRun, records_in, runs_of, spans_in
from tests.support.otlp import captures

Item: TypeAlias = Span | LogRecord
TRACE = "0af7651916cd43dd8448eb211c80319c"
CUTS = 25
EARLIER = {"tool.failed": "tool.returned"}
"""What a later part may tell of a tool that has returned: that what it returned was an error."""


class Kept:
    """The events of one run in a log, which keeps the first of each id."""

    def __init__(self) -> None:
        self.events: dict[str, MappedEvent] = {}
        self.last: MappedRun | None = None

    def map(self, items: Sequence[Item]) -> None:
        """Map items as a worker does, and keep their events."""
        spans = [item for item in items if isinstance(item, Span)]
        records = [item for item in items if isinstance(item, LogRecord)]
        if not spans:
            return
        name = self.last.name if self.last else None
        result = map_run(spans, records, name=name)
        if ids := self.events.keys() & result.other_ids:
            result = map_run(spans, records, name=name, ids_in_log=ids)
        for event in result.events:
            self.events.setdefault(event.id, event)
        self.last = result


def runs(shared_data: Path) -> Iterator[tuple[str, list[Item], WholeRun]]:
    """Each captured run of several spans that makes events."""
    for name, requests in captures(shared_data):
        for spans, records in runs_of(spans_in(requests), records_in(requests)):
            whole = WholeRun(spans, records)
            if len(spans) > 1 and whole.expected:
                yield name, [*spans, *records], whole


def cuts(items: list[Item], chance: random.Random) -> Iterator[tuple[list[Item], int, int]]:
    """All items in any order, a fifth of them twice, and from where to where two or three parts of them are."""
    mixed = items + chance.sample(items, len(items) // 5)
    chance.shuffle(mixed)
    ends = sorted({*chance.sample(range(1, len(mixed)), chance.choice((1, 1, 2))), len(mixed)})
    for start, end in zip([0, *ends], ends, strict=False):
        yield mixed, start, end


def test_wider_splits_lose_and_double_no_event(shared_data: Path) -> None:
    chance = random.Random(11)
    for name, items, whole in runs(shared_data):
        for _ in range(CUTS):
            kept = Kept()
            for mixed, _, end in cuts(items, chance):
                kept.map(mixed[:end])
            ids: Counter[str] = Counter()
            for id, event in kept.events.items():
                assert event.causation_id is None or event.causation_id in kept.events, name
                same = whole.expected.get(whole.id_here(id, event.stream))
                if same is None:
                    assert whole.is_of_the_root(id, event.type), (name, id)
                else:
                    ids[same.id] += 1
                    assert event.type in (same.type, EARLIER.get(same.type)), name
            assert ids == Counter(whole.expected.keys()), name


def test_without_the_context_of_earlier_parts_nothing_is_lost(shared_data: Path) -> None:
    """What two spans tell may then be there twice: nothing says that the other one was there."""
    chance = random.Random(12)
    for name, items, whole in runs(shared_data):
        for _ in range(CUTS):
            kept = Kept()
            for mixed, start, end in cuts(items, chance):
                kept.map(mixed[start:end])
            ids = Counter(whole.id_here(id, event.stream) for id, event in kept.events.items())
            lost = [whole.expected[id] for id in whole.expected.keys() - ids.keys()]
            assert all(whole.is_of_the_root(event.id, event.type) for event in lost), name
            more = [event for id, event in kept.events.items() if whole.id_here(id, event.stream) not in whole.expected]
            assert all(whole.is_of_the_root(event.id, event.type) for event in more), name
            assert {id for id, count in ids.items() if count > 1} <= whole.may_be_double(), name


def span(number: int, parent: int | None, name: str, start: int, end: int, **attributes: object) -> Span:
    keys = {f"gen_ai.{key.replace('__', '.')}": value for key, value in attributes.items()}
    parent_id = None if parent is None else f"{parent:016x}"
    return Span(TRACE, f"{number:016x}", parent_id, name, start, end, keys)  # type: ignore[arg-type]


AGENT = span(1, None, "invoke_agent a", 1, 100, operation__name="invoke_agent", agent__name="a")
REPLY = span(
    2, 1, "chat", 2, 3, operation__name="chat",
    output__messages='[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"transfer_to_b"}]}]',
)  # fmt: skip
OUTER = span(3, 1, "look", 4, 9, operation__name="execute_tool", tool__name="look")
INNER = span(4, 3, "look", 5, 8, operation__name="execute_tool", tool__name="look")
HANDOFF = span(5, 1, "transfer", 10, 11, operation__name="execute_tool", tool__name="transfer_to_b", tool__call__id="c")
LAST = span(6, 4, "chat", 6, 7, operation__name="chat")


@pytest.mark.parametrize("first", [OUTER, INNER])
def test_of_two_spans_that_tell_the_same_the_one_that_was_told_counts(first: Span) -> None:
    second = INNER if first is OUTER else OUTER
    kept = Kept()
    for items in ([AGENT, first], [AGENT, first, second], [AGENT, first, second, LAST]):
        kept.map(items)
    told = [event for event in kept.events.values() if event.type == "tool.called"]
    assert [event.id for event in told] == [f"{TRACE}:{first.span_id}:start"]
    [reply] = [event for event in kept.events.values() if event.type == "model.replied"]
    assert reply.causation_id in kept.events


@pytest.mark.parametrize("first", [REPLY, HANDOFF])
def test_a_handoff_has_one_event_whether_its_reply_or_its_span_comes_first(first: Span) -> None:
    kept = Kept()
    for items in ([AGENT, first], [AGENT, REPLY, HANDOFF], [AGENT, REPLY, HANDOFF, OUTER]):
        kept.map(items)
    [told] = [event for event in kept.events.values() if event.type == "task.delegated"]
    assert told.id == (f"{TRACE}:{REPLY.span_id}:handoff:1" if first is REPLY else f"{TRACE}:{HANDOFF.span_id}:start")


def test_a_run_begins_and_ends_once_whichever_of_its_roots_comes_first() -> None:
    kept = Kept()
    late = span(7, None, "invoke_workflow late", 50, 60, operation__name="invoke_workflow")
    kept.map([late, LAST])
    kept.map([AGENT, late, LAST])
    run = [event.id for event in kept.events.values() if event.type.startswith("workflow.")]
    assert run == [f"{TRACE}:run:start", f"{TRACE}:run:end"]
