"""The errors of the client: one family, with the codes of the server.

`except Conflict` catches what another writer was quicker at; `except EventsiteError as error` catches all, and
`error.code` tells them apart. `docs/api.md` lists the codes, and says what to do about each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Hopeless(Exception):
    """No further attempt can help. A consumer that raises it makes a dead letter of its event."""


class EventsiteError(Exception):
    """A request was not done. `str(error)` says why.

    Attributes:
        code: the stable code of the problem, such as `wrong-expected-version`.
        detail: the reason, for people.
        status: the HTTP status; None if there was no answer.
        members: the other members of the problem, such as `current_version`.
        retry_after: the seconds after which the server asks to try again; None if it doesn't.
        ids: the ids of the events of the append. Whether or not they were written, to append the same events with
            these ids is safe.
    """

    codes: ClassVar[tuple[str, ...]] = ()
    """The codes for which the class stands. An error without a code of the server has the first one."""
    _of_codes: ClassVar[dict[str, type[EventsiteError]]] = {}

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        members: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        ids: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code or next(iter(self.codes), "error")
        self.detail = detail
        self.status = status
        self.members: dict[str, Any] = dict(members or {})
        self.retry_after = retry_after
        self.ids = ids

    def __init_subclass__(cls) -> None:
        EventsiteError._of_codes.update(dict.fromkeys(cls.__dict__.get("codes", ()), cls))

    def __str__(self) -> str:
        status = "" if self.status is None else f"{self.status} "
        return f"{status}{self.code}: {self.detail}"


class NoAnswer(EventsiteError, ConnectionError):
    """The server can't be reached, or the connection broke before the answer came. `__cause__` is the reason.

    An append may have been written: append it again with its `ids`.
    """

    codes = ("no-answer",)


class TimedOut(EventsiteError, TimeoutError):
    """The answer, or the event, that the client waited for did not come in time."""

    codes = ("timed-out",)


class UnexpectedAnswer(EventsiteError):
    """The answer did not come from the API of Eventsite: the address may be wrong, or a proxy answered."""

    codes = ("unexpected-answer",)


class NotReady(EventsiteError, TimeoutError):
    """A long fold goes on as a job, and the state was not ready in time. `members["id"]` is the job's."""

    codes = ("not-ready",)


class Conflict(EventsiteError):
    """The log has gone on since the writer read it: read again, decide again. `decide()` does both."""


class WrongExpectedVersion(Conflict):
    """The stream is not at the expected version."""

    codes = ("wrong-expected-version",)

    @property
    def current_version(self) -> int:
        """The version of the stream."""
        return int(self.members["current_version"])


class ConditionFailed(Conflict):
    """An event came that a condition of the append does not allow."""

    codes = ("condition-failed",)

    @property
    def position(self) -> int:
        """The position of the first event that stands against the append."""
        return int(self.members["event"]["position"])


class IdConflict(EventsiteError):
    """The log has an event with this id and other content, or the idempotency key was used for other events."""

    codes = ("id-conflict", "key-reused")


class Paused(EventsiteError):
    """A person or a supervisor paused the agent or the workflow of an event. Nothing was written."""

    codes = ("paused",)

    @property
    def reason(self) -> str | None:
        """The reason that was given for the pause; None if it was redacted."""
        reason: str | None = self.members.get("reason")
        return reason


class LeaseHeld(EventsiteError):
    """Another holder has this lease."""

    codes = ("lease-held",)


class LeaseLost(EventsiteError):
    """The lease is no longer held with this token: another agent may be at work."""

    codes = ("lease-lost",)


class LeaseNeeded(EventsiteError):
    """The log demands a lease for this append."""

    codes = ("lease-needed",)


class CircuitOpen(EventsiteError):
    """A breaker of this process lets no call of a service through. After `retry_after` seconds it tries one."""

    codes = ("circuit-open",)


class DeliveryLost(EventsiteError):
    """The delivery that an append was to settle is done, or with somebody else. Nothing was written."""

    codes = ("delivery-lost",)


class Unauthorized(EventsiteError):
    """The token is unknown, revoked or expired."""

    codes = ("unauthorized",)


class Forbidden(EventsiteError):
    """The token does not allow this."""

    codes = ("forbidden", "reserved-stream")


class NotFound(EventsiteError):
    """There is nothing here, or nothing that the token may see."""

    codes = (
        "not-found",
        "no-such-stream",
        "no-such-event",
        "no-such-workflow",
        "no-such-lease",
        "no-such-subscription",
        "no-such-delivery",
        "no-such-projection",
        "no-such-build",
    )


class Invalid(EventsiteError):
    """The request is not valid. `members["field"]` names its part, if one is to blame."""

    codes: ClassVar[tuple[str, ...]] = (
        "invalid",
        "bad-request",
        "number-too-large",
        "too-large",
        "condition-too-wide",
        "too-slow",
        "not-for-events",
        "subscription-fixed",
        "method-not-allowed",
        "unsupported-media-type",
        "address-too-long",
    )


class InvalidQuery(Invalid):
    """The query can't be read."""

    codes = ("invalid-query",)

    @property
    def column(self) -> int:
        """The column of the query, from 1 on, at which it can't be read."""
        return int(self.members["column"])


class ProjectionFailed(EventsiteError):
    """A state, or an event in its newest version, can't be given, as the code of the server's projections fails."""

    codes = ("reducer-failed", "stands-still", "schema-too-new", "upcast-failed")


class Unavailable(EventsiteError):
    """The server is too busy, its database is away, or it has a defect. The client has tried until its timeout."""

    codes: ClassVar[tuple[str, ...]] = (
        "unavailable",
        "busy",
        "queue-full",
        "log-held",
        "behind",
        "query-timeout",
        "request-timeout",
        "too-many-requests",
        "too-many-streams",
        "too-many-sockets",
        "too-many-jobs",
        "too-much-held",
        "error",
    )


class OutcomeUnknown(Unavailable):
    """The database went away during an append, which may have been written: append it again with its `ids`."""

    codes = ("outcome-unknown",)


_OF_STATUS: dict[int, type[EventsiteError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    413: Invalid,
    422: Invalid,
    429: Unavailable,
}


def class_of(code: str, default: type[EventsiteError] = EventsiteError) -> type[EventsiteError]:
    """Return the class of a code; the default for a code that is newer than this client."""
    return EventsiteError._of_codes.get(code, default)


def error_of(
    status: int, problem: Mapping[str, Any], *, retry_after: float | None, ids: tuple[str, ...] = ()
) -> EventsiteError:
    """Return the error for a problem of the server (RFC 9457)."""
    members = dict(problem)
    code, detail = str(members.pop("code")), str(members.pop("detail", ""))
    for name in ("type", "title", "status"):
        members.pop(name, None)
    by_status = Unavailable if status >= 500 else _OF_STATUS.get(status, EventsiteError)
    kind = class_of(code, by_status)
    return kind(detail, code=code, status=status, members=members, retry_after=retry_after, ids=ids)
