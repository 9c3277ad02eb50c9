"""Mapped runs, as tests look at them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings

from events.appending import checks
from events.otel.mapping.run import MappedEvent, MappedRun, map_run
from events.otel.spans import LogRecord, Span
from events.otel.wire import records_of, spans_of
from eventsite.checks import MIN_NAME_CHARACTERS
from tests.support.otlp import Request

USUAL = settings.EVENTSITE
SMALL = replace(USUAL, name_max_length=MIN_NAME_CHARACTERS, event_max_bytes=600, event_max_depth=5)
"""The limits of a log whose settings are as small as they may be."""


def spans_in(requests: Iterable[Request]) -> list[Span]:
    """All spans of a captured run, in the order of their arrival."""
    pieces = (piece for request in requests if request.path == "/v1/traces" for piece in request.pieces())
    return [span for piece in pieces for span in spans_of(piece.body)]


def records_in(requests: Iterable[Request]) -> list[LogRecord]:
    """All log records of a captured run that have messages."""
    pieces = (piece for request in requests if request.path == "/v1/logs" for piece in request.pieces())
    return [record for piece in pieces for record in records_of(piece.body)]


def tied(spans: Sequence[Span]) -> list[list[Span]]:
    """The spans by run: traces that link to each other are one run."""
    run_of: dict[str, str] = {}

    def find(trace: str) -> str:
        while run_of.setdefault(trace, trace) != trace:
            trace = run_of[trace]
        return trace

    for span in spans:
        for link in span.links:
            first, second = sorted((find(span.trace_id), find(link.trace_id)))
            run_of[second] = first
    runs: dict[str, list[Span]] = {}
    for span in spans:
        runs.setdefault(find(span.trace_id), []).append(span)
    return list(runs.values())


def runs_of(spans: Sequence[Span], records: Sequence[LogRecord]) -> list[tuple[list[Span], list[LogRecord]]]:
    """The spans of each run, with its log records."""
    runs = []
    for run in tied(spans):
        traces = {span.trace_id for span in run}
        runs.append((run, [record for record in records if record.trace_id in traces]))
    return runs


def mapped(spans: Sequence[Span], records: Sequence[LogRecord] = ()) -> list[MappedRun]:
    """The runs that spans make, without those that make no events."""
    return [run for run in (map_run(*each) for each in runs_of(spans, records)) if run.events]


class WholeRun:
    """A run that is mapped as a whole, to compare its events with those that its parts have made in a log."""

    def __init__(self, spans: Sequence[Span], records: Sequence[LogRecord]) -> None:
        self._run = map_run(spans, records)
        self._roots = {f"{span.trace_id}:{span.span_id}" for span in spans if span.parent_id is None}
        self.expected = {event.id: event for event in self._run.events}
        self._others: dict[str, str] = {}
        for other in self._run.other_ids:
            with_other = {event.id for event in map_run(spans, records, ids_in_log={other}).events}
            [self._others[other]] = self.expected.keys() - with_other

    def id_here(self, id: str, stream: str) -> str:
        """The id that an event of a part, in a stream, has in the whole run."""
        run = stream.removeprefix("run-")
        id = id.replace(f"{run}:run:", f"{self._run.name.stream.removeprefix('run-')}:run:")
        return self._others.get(id, id)

    def is_of_the_root(self, id: str, type: str) -> bool:
        """Whether an event tells that a root is an agent. If it leaves all work to others, it is known as the run."""
        return type.startswith("agent.") and id.rpartition(":")[0] in self._roots

    def may_be_double(self) -> set[str]:
        """The ids of events that several spans tell, of which any may come first."""
        return set(self._others.values())


def check(run: MappedRun) -> None:
    """Check that a log takes a run, and that no event stands before its cause."""
    seen: set[str] = set()
    checks.check_stream(run.name.stream)
    for event in run.events:
        checks.new_event(
            event.stream,
            event.type,
            data=event.data,
            metadata=event.metadata,
            id=event.id,
            agent=event.agent,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            occurred_at=event.occurred_at,
        )
        assert event.id not in seen
        assert event.causation_id is None or event.causation_id in seen
        seen.add(event.id)


def lines(events: Sequence[MappedEvent]) -> list[str]:
    """Each event in a line: its number, those of its causes, type, agent, what it is about, and its tokens."""
    numbers = {event.id: number for number, event in enumerate(events)}
    return [_line(number, event, numbers) for number, event in enumerate(events)]


def _line(number: int, event: MappedEvent, numbers: dict[str, int]) -> str:
    data, metadata = json.loads(event.data), json.loads(event.metadata)
    causes = [event.causation_id, *metadata.get("links", ())] if event.causation_id else []
    cause = "<" + ",".join(str(numbers[cause]) for cause in causes) if causes else "-"
    about = data.get("name") or data.get("target") or _asked(data)
    tokens = f"{data['input_tokens']}+{data['output_tokens']}" if "input_tokens" in data else ""
    words = (f"{number:3}", f"{cause:6}", f"{event.type:17}", f"{event.agent or '-':10}", str(about), tokens)
    return " ".join(words).rstrip()


def _asked(data: dict[str, Any]) -> str:
    return ",".join(call["name"] for call in data.get("tool_calls", ())) or ("text" if "content" in data else "")
