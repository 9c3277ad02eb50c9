"""OpenHands: a coding agent's own event stream, with its causes and its clock.

github.com/All-Hands-AI/OpenHands. `output.jsonl` of an evaluation holds a run a line: its events in
`history`, and beside them what came of it. A trajectory, the older form, is a document that is the
list of events alone. A run is a stream, each of its events kept whole; beside it, where a row can
show it, stands what lies deep inside. What stands beside the history is the last event,
`run.finished` or `run.failed`.

The times name no zone: they are taken for UTC, and the metadata say so. Ids come from the run and
the event's own id in it. A trajectory names no run: the time of its first event stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from events.api.schemas import decode
from events.appending.checks import new_event
from events.errors import EventsError, Invalid
from events.transfer.importers.base import Broken, Format, Item, Source, Streamed, check_line
from events.transfer.importers.members import Fields, integer, members, text, with_added

_NAMESPACE = UUID("9b6c1f0e-7a0b-5c55-8f0e-2f6f2f1d8f31")
_NO_ZONE = re.compile(r"[\d-]{10}[T ][\d:]{8}(\.\d+)?", re.ASCII)


@dataclass(slots=True)
class Run:
    """One run, and the last of its events so far."""

    name: str
    last: str | None = None

    def event(self, raw: tuple[int, Raw]) -> Streamed:
        """The event of `history[index]`."""
        index, record = raw
        event = decode(bytes(record), Fields)
        number, cause = integer(event, "id"), integer(event, "cause")
        if number is None:
            raise Invalid("The event has no id that is a whole number.", field="id")
        return self._next(
            _type(event),
            id=self._id(number),
            data=with_added(event, **_beside(event)),
            source={"index": index},
            agent=text(event, "source") or None,
            caused_by=None if cause is None else self._id(cause),
            timestamp=text(event, "timestamp"),
        )

    def end(self, facts: Fields) -> Streamed:
        """The last event: all that a run says beside its history."""
        return self._next(
            "run.failed" if text(facts, "error") else "run.finished",
            id=self._id("end"),
            data=msgspec.json.encode(facts),
            source={"index": "end"},
            agent="evaluation",
        )

    def _id(self, number: int | str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.name}/{number}"))

    def _next(
        self,
        type: str,
        *,
        id: str,
        data: bytes,
        source: dict[str, int | str],
        agent: str | None,
        caused_by: str | None = None,
        timestamp: str = "",
    ) -> Streamed:
        before, self.last = self.last, id
        assumed = {"time_zone_assumed": "UTC"} if _NO_ZONE.fullmatch(timestamp) else {}
        stream = f"openhands-{self.name}"
        event = new_event(
            stream,
            type,
            data=data,
            metadata=msgspec.json.encode({"source": {"format": FORMAT.name, **source}, **assumed}),
            id=id,
            agent=agent,
            correlation_id=self.name,
            causation_id=caused_by or before,
            occurred_at=timestamp + "Z" if assumed else timestamp or None,
        )
        return stream, event


def read(source: Source) -> Iterator[Item]:
    if not source.name.endswith(_LINES):
        yield from _read_run(source, "document", source.document)
        return
    for number, line in source.lines():
        yield from _read_run(source, f"{number}", partial(check_line, line))


def _read_run(source: Source, place: str, load: Callable[[], bytes]) -> Iterator[Item]:
    try:
        facts, history = _parts(load())
        run = Run(text(facts, "instance_id") or _name(history))
    except EventsError as error:
        yield Broken(source.at(place), error.detail)
        return
    for index, event in enumerate(history):
        yield source.record(f"{place}:history[{index}]", run.event, (index, event))
    if facts:
        yield source.record(f"{place}:end", run.end, facts)


def _parts(body: bytes) -> tuple[Fields, list[Raw]]:
    """What a run says beside its history, nothing in a trajectory, and its history."""
    if body.lstrip().startswith(b"["):
        return {}, decode(body, list[Raw])
    run = decode(body, Fields)
    if "history" not in run:
        raise Invalid("There is no history in it.", field="history")
    return {name: raw for name, raw in run.items() if name != "history"}, decode(bytes(run["history"]), list[Raw])


def _name(history: list[Raw]) -> str:
    """What a run without a name is called: the moment it began."""
    if not history:
        raise Invalid("There is no event in it.", field="history")
    first = bytes(history[0])
    return text(decode(first, Fields), "timestamp") or sha256(first).hexdigest()[:12]


def _beside(event: Fields) -> dict[str, Raw | None]:
    """How a command ended, and the file that is meant."""
    args, extras = members(event, "args"), members(event, "extras")
    return {"exit_code": members(extras, "metadata").get("exit_code"), "target": args.get("path") or extras.get("path")}


def _type(event: Fields) -> str:
    for kind in ("action", "observation"):
        if name := text(event, kind):
            return f"{kind}.{name}"
    raise Invalid("The event is neither an action nor an observation.", field="action")


_LINES = (".jsonl", ".ndjson")
FORMAT = Format(name="openhands", suffixes=(*_LINES, ".json"), read=read)
