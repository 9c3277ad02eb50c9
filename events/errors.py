"""The errors of the log. The docstring of a class is its title; clients match on its `code`."""

from __future__ import annotations

from typing import Any, ClassVar, Self


def brief(error: BaseException) -> str:
    """Return an error for a log line: its name and its first line. (Errors of libpq have several lines.)"""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class EventsError(Exception):
    """The request can't be done."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry_after: int | None = None
    """Seconds after which a retry may help; None if it won't."""

    def __init__(self, detail: str = "", **fields: Any) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.fields = fields

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().splitlines()[0].rstrip(".")


class BadRequest(EventsError):
    """This request can't be read, or is not for this server."""

    code = "bad-request"
    status = 400


class RequestTimeout(EventsError):
    """The whole request did not arrive in time."""

    code = "request-timeout"
    status = 408


class AddressTooLong(EventsError):
    """This address is too long."""

    code = "address-too-long"
    status = 414


class MethodNotAllowed(EventsError):
    """This method is not allowed here."""

    code = "method-not-allowed"
    status = 405


class Invalid(EventsError):
    """The request is not valid."""

    code = "invalid"
    status = 422


class NumberTooLarge(Invalid):
    """A number has more digits or a larger exponent than the log keeps."""

    code = "number-too-large"


class TooSlow(EventsError):
    """This query takes too long."""

    code = "too-slow"
    status = 422


class TooLarge(EventsError):
    """The request is larger than the limit."""

    code = "too-large"
    status = 413


class UnsupportedMediaType(EventsError):
    """The body has a media type or an encoding that is not taken here."""

    code = "unsupported-media-type"
    status = 415


class KeyReused(EventsError):
    """This idempotency key was used before, for other events."""

    code = "key-reused"
    status = 422


class WrongExpectedVersion(EventsError):
    """The stream is not at the expected version."""

    code = "wrong-expected-version"
    status = 409


class ConditionFailed(EventsError):
    """An event came that a condition of the append does not allow."""

    code = "condition-failed"
    status = 409


class ConditionTooWide(EventsError):
    """A condition of the append covers more events than can be searched."""

    code = "condition-too-wide"
    status = 422


class Paused(EventsError):
    """The agent or the workflow of an event is paused; nothing was written."""

    code = "paused"
    status = 423

    @classmethod
    def of(cls, *, kind: str, name: str, since: int, by: str | None, reason: str | None) -> Self:
        """Return the error of what a pause refuses. `reason` is None if it was redacted."""
        why = "." if reason is None else f": {reason}"
        detail = f"The {kind} {name!r} is paused since #{since}{why}"
        return cls(detail, paused=kind, name=name, since=since, reason=reason, by=by)


class LeaseHeld(EventsError):
    """Another holder has this lease."""

    code = "lease-held"
    status = 409


class LeaseLost(EventsError):
    """This lease is no longer held with this token."""

    code = "lease-lost"
    status = 409


class LeaseNeeded(EventsError):
    """The log demands a lease for this append."""

    code = "lease-needed"
    status = 409


class IdConflict(EventsError):
    """An event with this id is in the log with other content, in another order, or in part."""

    code = "id-conflict"
    status = 409


class UpcastFailed(EventsError):
    """This event can't be read as the newest schema version."""

    code = "upcast-failed"
    status = 409


class SchemaTooNew(UpcastFailed):
    """This event has a newer schema version than the upcasters know."""

    code = "schema-too-new"


class Unauthorized(EventsError):
    """A valid token is needed."""

    code = "unauthorized"
    status = 401


class Forbidden(EventsError):
    """This token does not allow that."""

    code = "forbidden"
    status = 403


class ReservedStream(Forbidden):
    """This stream belongs to the server."""

    code = "reserved-stream"


class NotFound(EventsError):
    """There is nothing here."""

    code = "not-found"
    status = 404


class NoSuchStream(NotFound):
    """There is no such stream."""

    code = "no-such-stream"


class NoSuchEvent(NotFound):
    """There is no event at this position."""

    code = "no-such-event"


class NoSuchWorkflow(NotFound):
    """There is no such workflow."""

    code = "no-such-workflow"


class NoSuchLease(NotFound):
    """Nobody holds this lease."""

    code = "no-such-lease"


class Unavailable(EventsError):
    """The database can't be reached; nothing was written."""

    code = "unavailable"
    status = 503
    retry_after = 2


class QueryTimeout(EventsError):
    """The query took too long."""

    code = "query-timeout"
    status = 503


class LogHeld(EventsError):
    """Another session holds this log; nothing was written."""

    code = "log-held"
    status = 503
    retry_after = 2


class Busy(EventsError):
    """The server is busy; try again in a moment."""

    code = "busy"
    status = 503
    retry_after = 2


class TooManyRequests(EventsError):
    """Too many of your requests are waiting already."""

    code = "too-many-requests"
    status = 429
    retry_after = 2


class TooManyStreams(EventsError):
    """You have the most streams, long polls and uploads open that one token may have."""

    code = "too-many-streams"
    status = 429
    retry_after = 5


class TooManySockets(EventsError):
    """You have the most live pages open that one person may have."""

    code = "too-many-sockets"
    status = 429


class TooMuchHeld(EventsError):
    """Too many spans wait in this log to be mapped; these were not taken."""

    code = "too-much-held"
    status = 429
    retry_after = 5


class QueueFull(EventsError):
    """Too many appends are waiting; nothing was written."""

    code = "queue-full"
    status = 503
    retry_after = 1


class OutcomeUnknown(EventsError):
    """The database went away during the write: it may or may not have happened."""

    code = "outcome-unknown"
    status = 503
    retry_after = 2
