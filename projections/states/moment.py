"""A moment of a log, and the last position that it includes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.errors import Invalid
from events.reading import store
from events.reading.at_time import position_at as position_at_time
from events.reading.db_work import DbWork
from events.types import Event
from projections.states.sources.base import Source
from projections.states.sources.indexed import StreamSource


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: a position of the log, a version of the stream, a time of recording; without any of them, now.

    `side` is the first part of the parameters' names, for errors: `at` for `at_position`; in a difference `from`, `to`.
    """

    position: int | None = None
    version: int | None = None
    time: datetime | None = None
    side: str = field(default="at", compare=False)


NOW = Moment()


def head_of(log_id: int) -> DbWork[int]:
    """The position of the last event of a log.

    A fold reads it before its events: a snapshot notes it, and is dropped if one of its events is redacted later.
    """
    [head] = yield store.head(log_id)
    return int(head)


def position_at(log_id: int, source: Source, at: Moment, *, head: int) -> DbWork[int]:
    """The last log position included in `at`.

    Raises:
        Invalid: the moment lies in the future, or is a version and the key is not a stream.
    """
    if at.position is not None:
        if at.position > head:
            raise Invalid(f"The log ends at position {head:,}.", field=f"{at.side}_position", head=head)
        return at.position
    if at.version is not None:
        return (yield from _position_of_version(log_id, source, at, at.version))
    if at.time is not None:
        [position] = yield position_at_time(log_id, at.time)
        return int(position)
    return head


def _position_of_version(log_id: int, source: Source, at: Moment, version: int) -> DbWork[int]:
    if not isinstance(source, StreamSource):
        raise Invalid(f"Only the states of streams have versions: use {at.side}_position.", field=f"{at.side}_version")
    if not version:
        return 0
    events: Sequence[Event] = yield store.stream_events(log_id, source.name, from_version=version, limit=1)
    if not events:
        raise Invalid(f"{source.name} has no version {version:,}.", field=f"{at.side}_version")
    return events[0].position
