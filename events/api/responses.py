"""The API's answers: JSON with payloads spliced in as they are, and problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from django.http import HttpRequest, HttpResponse

from events.errors import EventsError, MethodNotAllowed, Unauthorized
from events.types import STREAM_EXISTS, Appended, Event

KEPT_BY_NOBODY = "private, no-store"
"""`Cache-Control` of what only some may see, and of what may be redacted later."""
_SHARED = 8 * 1024
"""Characters of data and metadata up to which an encoded event is kept for the next follower."""


def json_answer(value: Any, *, status: int = 200) -> HttpResponse:
    """A JSON response."""
    return HttpResponse(orjson.dumps(value), status=status, content_type="application/json")


def iso(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, as every time is written."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def event_json(event: Event) -> bytes:
    """An event as the API writes it. Its data and metadata are the text that was sent."""
    return _shared_json(event) if len(event.data) + len(event.metadata) <= _SHARED else _json(event)


def _json(event: Event) -> bytes:
    return orjson.dumps(
        {
            "position": event.position,
            "stream": event.stream,
            "version": event.version,
            "id": event.id,
            "type": event.type,
            "data": orjson.Fragment(event.data),
            "metadata": orjson.Fragment(event.metadata),
            "agent": event.agent,
            "schema_version": event.schema_version,
            "correlation_id": event.correlation_id,
            "causation_id": event.causation_id,
            "occurred_at": iso(event.occurred_at),
            "recorded_at": iso(event.recorded_at),
        }
    )


# A hundred followers of one log are sent the same events within a moment.
_shared_json = lru_cache(maxsize=2_000)(_json)


@dataclass(frozen=True, slots=True)
class Page:
    """Events, where to go on, and the log's head. Not `complete`: the time was up before enough were found."""

    events: Sequence[Event]
    next: int | None
    head: int
    complete: bool = True


def events_answer(page: Page) -> HttpResponse:
    """A page of events."""
    events = [orjson.Fragment(event_json(event)) for event in page.events]
    return json_answer({"events": events, "next": page.next, "head": page.head, "complete": page.complete})


def appended(log: str, outcome: Appended) -> dict[str, Any]:
    """The body of a successful append."""
    return {
        "log": log,
        "stream": outcome.stream,
        "first_position": outcome.first_position,
        "last_position": outcome.last_position,
        "version": outcome.version,
        "replayed": outcome.replayed,
        "events": [
            {"id": id, "position": outcome.first_position + place, "version": outcome.first_version + place}
            for place, id in enumerate(outcome.ids)
        ],
    }


def status_of(outcome: Appended | EventsError) -> int:
    """201 for what was written, 200 for what stood there already, the error's otherwise."""
    if isinstance(outcome, EventsError):
        return outcome.status
    return 200 if outcome.replayed else 201


def append_answer(request: HttpRequest, log: str, outcome: Appended) -> HttpResponse:
    """The answer of one append. `Location` is the first event's page."""
    response = json_answer(appended(log, outcome), status=status_of(outcome))
    page = f"/logs/{quote(log)}/events/{outcome.first_position}"
    response["Location"] = f"{request.scheme}://{request.get_host()}{page}"
    return response


def problem(error: EventsError) -> dict[str, Any]:
    """RFC 9457, with the error's own fields beside the standard ones."""
    fields = error.fields
    if fields.get("expected_version") == STREAM_EXISTS:  # a number in the log only
        fields = {**fields, "expected_version": "stream_exists"}
    return {
        "type": f"urn:eventsite:{error.code}",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **fields,
    }


def problem_answer(error: EventsError) -> HttpResponse:
    """An error as a response."""
    response = HttpResponse(orjson.dumps(problem(error)), status=error.status, content_type="application/problem+json")
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = error.fields["allow"]
    return response
