"""The one way out for a secret that must go.

An admin empties an event's data and metadata. The event stays, with its place, its names and its digest,
and an `event.redacted` says who removed what and why. It goes into a stream of its own: the redacted
event's stream is its agents', who expect the version they wrote, not one that an admin moved. Its cause is
the redacted event and it shares the correlation, so it still shows where the event shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from django.db import IntegrityError, connection

from events import sql
from events.appending.checks import check_name, new_event
from events.errors import Invalid, NoSuchEvent
from events.models import Redaction
from events.reading import store
from events.types import REDACTED, Event, NewEvent

STREAM = "eventsite-redactions"
EMPTY = "null"
"""The data of a redacted event."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """Where the event.redacted stands. Not `fresh`: it stood there already, and nothing was done."""

    marker_position: int
    fresh: bool


def redact(log_id: int, position: int, *, reason: str, by: str) -> Redacted:
    """Empty the event at a position, for good.

    Raises `NoSuchEvent`; `Invalid` for an event that itself records a redaction, or a bad `by` or `reason`.
    """
    check_name(by, "by")
    check_name(reason, "reason")
    event = store.event(log_id, position).first()
    if event is None:
        raise NoSuchEvent(f"There is no event at {position}.")
    facts = {"position": position, "stream": event.stream, "version": event.version, "id": event.id}
    marker = new_event(
        STREAM,
        REDACTED,
        data=msgspec.json.encode(facts | {"reason": reason, "by": by}),
        agent=by,
        correlation_id=event.correlation_id,
        causation_id=event.id,
    )
    try:
        with connection.cursor() as cursor:
            params = {"p_log": log_id, "p_position": position, "p_reason": reason, "p_by": by, **_params(marker)}
            cursor.execute(sql.REDACT, params)
            redacted = Redacted(*cursor.fetchone())
            # Servers hold copies of the event in memory: they look at the log now, not when they next happen to.
            cursor.execute(sql.NOTIFY, {"logs": str(log_id)})
            return redacted
    except IntegrityError:
        raise Invalid(f"The event at {position} says that another was redacted: it stays.") from None


def of(log_id: int, event: Event) -> Redaction | None:
    """Who emptied an event, and why. Asks only about those that have no data."""
    if event.data != EMPTY:
        return None
    return Redaction.objects.filter(log_id=log_id, position=event.position).first()


def _params(marker: NewEvent) -> dict[str, str | bytes | None]:
    return {
        "m_stream": STREAM,
        "m_id": marker.id,
        "m_data": marker.data,
        "m_correlation_id": marker.correlation_id,
        "m_causation_id": marker.causation_id,
        "m_digest": marker.digest,
    }


def vacuum() -> None:
    """Let Postgres drop the row as it was, where no open transaction can still see it. Not inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql.VACUUM_EVENTS)
