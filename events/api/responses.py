"""The API's answers: structs as JSON, with payloads inserted unchanged, and problems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from msgspec import Raw, Struct

from events.access.places import Place
from events.api.query_schemas import ReadAs
from events.api.schemas import AppendOut, EventOut, EventsOut, PlacedOut, Problem, StreamEventsOut
from events.errors import EventsError, MethodNotAllowed, RequestTimeout, Unauthorized
from events.reading.newest import as_newest
from events.types import STREAM_EXISTS, Appended, Event

NO_STORE = "private, no-store"
"""`Cache-Control` of an answer that only some may see, or whose events may be redacted later."""

encode = msgspec.json.Encoder().encode


Operation = Callable[..., Awaitable[HttpResponseBase]]


class StreamClient(Protocol):
    """The client of a stream."""

    @property
    def has_room(self) -> bool:
        """Whether `send` takes a piece at once; False if that is not known."""

    def send(self, piece: bytes) -> Awaitable[None]:
        """Wait while the client's buffer is full, then take the piece. An empty piece only waits."""


class StreamedAnswer(HttpResponseBase):
    """An answer without a known end. `write(client)` sends its pieces; `place` is given back in the end."""

    streaming = True

    def __init__(self, write: Callable[[StreamClient], Awaitable[None]], *, content_type: str, place: Place) -> None:
        super().__init__(content_type=content_type)
        self.write_to = write
        self.place = place


class Handover(HttpResponse):
    """An answer that hands something over to its client. `take_back` is called if the client goes before the answer."""

    def __init__(self, body: Struct, take_back: Callable[[], None]) -> None:
        super().__init__(encode(body), content_type="application/json")
        self.take_back = take_back


def waiting(operation: Operation) -> Operation:
    """Mark an operation that waits for something to come: it ends when its client goes away, also after a POST."""
    operation.waits = True  # type: ignore[attr-defined]
    return operation


def waits(operation: Operation) -> bool:
    """Return whether an operation ends when its client goes away, although the request had a body."""
    return getattr(operation, "waits", False)


def json_answer(body: Struct, *, status: int = 200) -> HttpResponse:
    """Return a struct as a JSON response."""
    return HttpResponse(encode(body), status=status, content_type="application/json")


def iso(at: datetime | None) -> str | None:
    """Return a time in the form that all answers use: RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def event_out(event: Event, read_as: ReadAs = "stored") -> EventOut:
    """Return an event as the API gives it. Its data and metadata are the text that was sent.

    Raises:
        UpcastFailed, SchemaTooNew: `read_as` is `newest`, and the event can't be read in the newest schema version.
    """
    if read_as == "newest":
        event = as_newest(event)
    return EventOut(
        event.position,
        event.stream,
        event.version,
        event.id,
        event.type,
        Raw(event.data),
        Raw(event.metadata),
        event.agent,
        event.schema_version,
        event.correlation_id,
        event.causation_id,
        event.occurred_at,
        event.recorded_at,
        event.tags or (),
    )


def event_json(event: Event, read_as: ReadAs = "stored") -> bytes:
    """Return an event as the JSON that the API writes. It raises the errors of `event_out`."""
    return encode(event_out(event, read_as))


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, the cursor of the `next` page, and the log's head.

    Not `complete`: the time or the room was used up before the page was full. `version` is the last version of the
    stream, for a page of a stream.
    """

    events: Sequence[Event]
    next: int | None
    head: int
    complete: bool = True
    version: int | None = None


def events_answer(page: EventPage, read_as: ReadAs) -> HttpResponse:
    """Return a page of events as a response."""
    body = ([event_out(event, read_as) for event in page.events], page.next, page.head, page.complete)
    return json_answer(EventsOut(*body) if page.version is None else StreamEventsOut(*body, page.version))


def append_out(log: str, outcome: Appended) -> AppendOut:
    """Return the body of a successful append."""
    return AppendOut(
        log=log,
        stream=outcome.stream,
        first_position=outcome.first_position,
        last_position=outcome.last_position,
        version=outcome.version,
        replayed=outcome.replayed,
        events=[
            PlacedOut(id, outcome.first_position + place, outcome.first_version + place)
            for place, id in enumerate(outcome.ids)
        ],
    )


def status_of(outcome: Appended | EventsError) -> int:
    """Return 201 for an append that was written, 200 for one that was in the log already, or the status of an error."""
    if isinstance(outcome, EventsError):
        return outcome.status
    return 200 if outcome.replayed else 201


def append_answer(request: HttpRequest, log: str, outcome: Appended) -> HttpResponse:
    """Return the answer of one append. `Location` is the first event's page."""
    response = json_answer(append_out(log, outcome), status=status_of(outcome))
    page = f"/logs/{quote(log)}/events/{outcome.first_position}"
    response["Location"] = f"{request.scheme}://{request.get_host()}{page}"
    return response


def problem(error: EventsError) -> dict[str, Any]:
    """Return an error as a problem of RFC 9457, with its own fields beside the standard ones."""
    fields = error.fields
    if fields.get("expected_version") == STREAM_EXISTS:  # the log keeps it as a number, the API has the text
        fields = {**fields, "expected_version": "stream_exists"}
    standard = Problem(f"urn:eventsite:{error.code}", error.title(), error.status, error.detail, error.code)
    return msgspec.structs.asdict(standard) | fields


def problem_answer(error: EventsError) -> HttpResponse:
    """Return an error as a response."""
    response = HttpResponse(encode(problem(error)), status=error.status, content_type="application/problem+json")
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RequestTimeout):
        response["Connection"] = "close"
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = error.fields["allow"]
    return response
