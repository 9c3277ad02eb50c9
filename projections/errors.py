"""The errors of requests about projections, with the same base class as those of the log."""

from __future__ import annotations

from events.errors import EventsError, NotFound


class NoSuchProjection(NotFound):
    """There is no such projection."""

    code = "no-such-projection"


class NoSuchBuild(NotFound):
    """There is no such build, or its status does not allow the order."""

    code = "no-such-build"


class StateFailed(EventsError):
    """A reducer raised on the way to this state, or returned a value that is not JSON."""

    code = "reducer-failed"
    status = 409


class StandsStill(EventsError):
    """The projection stands still, so the wait for a position would not end."""

    code = "stands-still"
    status = 409


class TooManyJobs(EventsError):
    """Too many jobs wait already."""

    code = "too-many-jobs"
    status = 429
    retry_after = 5


class Behind(EventsError):
    """The projection has not reached the position yet."""

    code = "behind"
    status = 503
    retry_after = 1
