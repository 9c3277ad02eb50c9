"""The events that the server itself appends, to record what was done: a lease that was granted, a pause, a dead letter.

They stand in streams of their own, `eventsite-<subject>`, to which no token may append (`system_streams.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import uuid_utils

from events.appending.checks import new_append, new_event
from events.system_streams import ID_PREFIX, PREFIX
from events.types import Append

if TYPE_CHECKING:
    from events.appending.guards import Guard


def server_event_id(name: str | None = None) -> str:
    """Return the id of a server event: without a `name` a new one. Nobody else can append an event with such an id."""
    return f"{ID_PREFIX}{name or uuid_utils.uuid7()}"


def server_append(
    subject: str,
    type: str,
    *,
    facts: Mapping[str, Any],
    name: str | None = None,
    by: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    guards: tuple[Guard, ...] = (),
) -> Append:
    """Return the append of one server event to the stream `eventsite-<subject>`.

    `facts` are its data, as values of JSON. `by` is the agent or the person whose act it records. With a
    `name` made from its facts, which becomes its id, it may be appended again.

    Raises:
        Invalid: the subject, `by` or the facts can't be written.
    """
    stream = f"{PREFIX}{subject}"
    event = new_event(
        stream,
        type,
        data=orjson.dumps(facts),
        id=server_event_id(name),
        agent=by,
        correlation_id=correlation_id,
        causation_id=causation_id,
    )
    return new_append(stream, [event], guards=guards)
