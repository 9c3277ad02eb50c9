"""Redaction: the only way to remove a secret from the log.

An admin empties an event's data and metadata. The event stays, with its place and its names, and an `event.redacted`
records who removed what and why. The salt, the digest and the key's fingerprint go, too, since a short secret could be
guessed from them; the commitment to the content stays beside the record (`commitment.py`).

The `event.redacted` goes into a stream of its own, as the agents of the redacted event's stream expect the version that
they wrote. Its cause is the redacted event, and it has the same correlation id, so it appears wherever the event does.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from django.db import IntegrityError, connection

from events import sql
from events.appending.checks import check_name, new_event
from events.commitment import new_salts, salted
from events.errors import Invalid, NoSuchEvent
from events.models import Redaction
from events.reading import store
from events.server_events import server_event_id
from events.system_streams import REDACTIONS
from events.types import REDACTED, Event, NewEvent

EMPTY = "null"
"""The data of a redacted event."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """The position of the `event.redacted`. Not `fresh`: the event had been redacted before, and nothing was done."""

    marker_position: int
    fresh: bool


def redact(log_id: int, position: int, *, reason: str, by: str) -> Redacted:
    """Empty the event at a position, for ever.

    Raises:
        NoSuchEvent: there is no event at this position.
        Invalid: the event itself records a redaction, or `by` or `reason` is not valid.
    """
    check_name(by, "by")
    check_name(reason, "reason")
    event = store.event(log_id, position).first()
    if event is None:
        raise NoSuchEvent(f"There is no event at position {position}.")
    facts = {"position": position, "stream": event.stream, "version": event.version, "id": event.id}
    marker = new_event(
        REDACTIONS,
        REDACTED,
        data=msgspec.json.encode(facts | {"reason": reason, "by": by}),
        id=server_event_id(),
        agent=by,
        correlation_id=event.correlation_id,
        causation_id=event.id,
    )
    try:
        with connection.cursor() as cursor:
            params = {"p_log": log_id, "p_position": position, "p_reason": reason, "p_by": by, **_params(marker)}
            cursor.execute(sql.REDACT, params)
            result = Redacted(*cursor.fetchone())
            # Servers hold copies of the event in memory, so they are notified to read the log at once.
            cursor.execute(sql.NOTIFY, {"hints": str(log_id)})
            return result
    except IntegrityError:
        raise Invalid(f"The event at position {position} records another redaction, so it stays.") from None


def of(log_id: int, event: Event) -> Redaction | None:
    """Return the redaction of an event, or None. Events with data need no look-up."""
    if event.data != EMPTY:
        return None
    return Redaction.objects.filter(log_id=log_id, position=event.position).first()


def _params(marker: NewEvent) -> dict[str, str | bytes | None]:
    [salt] = new_salts(1)
    return {
        "m_stream": REDACTIONS,
        "m_id": marker.id,
        "m_data": marker.data,
        "m_correlation_id": marker.correlation_id,
        "m_causation_id": marker.causation_id,
        "m_salt": salt,
        "m_digest": salted(salt, marker.digest),
    }


def vacuum() -> None:
    """Let Postgres drop old versions of rows that no open transaction can see, and samples of values that it took.

    It can't run inside a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.VACUUM)
