"""The files that hold runs: the events of a run, the facts beside them, and its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from msgspec import Raw

from events.errors import EventsError
from events.json import split
from events.json.split import MemberText
from events.transfer.importers.base import DOCUMENT_MAX_BYTES, Broken, Item, SourceFile, check_line
from events.transfer.importers.foreign import read_record, read_time, short_hash, usable_name
from events.transfer.importers.members import name_in, text
from events.transfer.importers.openhands.run import PREFIX, OpenHandsRun, PlacedEvent

LINE_SUFFIXES = (".jsonl", ".ndjson")
_HISTORIES = ("history", "trajectory")


@dataclass(slots=True)
class RecordedRun:
    """A run in its file: its events, and the facts beside them."""

    events: list[PlacedEvent]
    facts: list[MemberText]
    fault: str | None
    """The fault of the history, or of its container: then facts may be missing."""

    @property
    def name(self) -> str:
        """The name of the run's instance, else the first time in it, else a hash of its events."""
        fields = {fact.name: Raw(fact.value) for fact in self.facts}
        name = name_in(fields, "instance_id") or self._first_time()
        return usable_name(name or short_hash(*(event for _, event in self.events)), prefix=PREFIX)

    def _first_time(self) -> str | None:
        for _, raw in self.events:
            with suppress(EventsError):
                event, _ = read_record(raw)
                if read_time(event, "timestamp")[0]:
                    return text(event, "timestamp")
        return None


def read(source: SourceFile) -> Iterator[Item]:
    if not source.name.endswith(LINE_SUFFIXES):
        yield from _read_document(source, "document", source.document)
        return
    for number, line in source.lines(DOCUMENT_MAX_BYTES):
        yield from _read_document(source, f"{number}", partial(check_line, line, DOCUMENT_MAX_BYTES))


def _read_document(source: SourceFile, place: str, load: Callable[[], bytes]) -> Iterator[Item]:
    """Read a document: a run, a list of runs, or the list of a run's events."""
    try:
        body = load()
    except EventsError as error:
        yield Broken(source.at(place), error.detail)
        return
    items, fault = split.split_array(body)
    if fault and not items:
        yield from _read_run(source, place, _recorded(body))
    elif _is_run(items):
        for index, item in enumerate(items):
            yield from _read_run(source, f"{place}[{index}]", _recorded(item))
        if fault:
            yield Broken(source.at(place), fault)
    else:
        yield from _read_run(source, place, RecordedRun(_placed(items), [], fault))


def _is_run(items: list[bytes]) -> bool:
    """Whether the items of a list are runs, not events: the first item that is an object decides."""
    members_, _ = split.split_object(next((item for item in items if item.startswith(b"{")), b""))
    return any(member.name in _HISTORIES for member in members_)


def _recorded(body: bytes) -> RecordedRun:
    """Return the run in an object."""
    facts, fault = split.split_object(body)
    for name in _HISTORIES:
        histories = [fact for fact in facts if fact.name == name]
        if len(histories) == 1:
            facts.remove(histories[0])
            is_empty = histories[0].value.strip() == b"null"  # a run that failed before it began
            items, history_fault = ([], None) if is_empty else split.split_array(histories[0].value)
            return RecordedRun(_placed(items), facts, history_fault or fault)
    return RecordedRun([], [], fault or "A run must have one history.")


def _placed(items: list[bytes]) -> list[PlacedEvent]:
    """Return the events of a history; an item may be a pair of events."""
    events: list[PlacedEvent] = []
    for index, item in enumerate(items):
        pair, fault = split.split_array(item) if item.startswith(b"[") else ([], None)
        events += [(f"{index}/{n}", event) for n, event in enumerate(pair)]
        if fault or not pair:
            events.append((index, item))
    return events


def _read_run(source: SourceFile, place: str, content: RecordedRun) -> Iterator[Item]:
    run = OpenHandsRun(content.name)
    for where, event in content.events:
        yield source.record(f"{place}:history[{where}]", run.event, (where, event))
    if content.fault:
        yield Broken(source.at(place), content.fault)
    elif content.events and not run.last:
        yield Broken(source.at(place), "None of the run's events could be read.")
    elif content.facts:
        yield source.record(f"{place}:end", run.end, split.object_text(content.facts))
    elif not content.events:
        yield Broken(source.at(place), "The run has no events.")
