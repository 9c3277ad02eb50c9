"""What a request about projections can be refused for: of the same family as the log's."""

from __future__ import annotations

from events.errors import EventsError, NotFound


class NoSuchProjection(NotFound):
    """There is no such projection."""

    code = "no-such-projection"


class NoSuchBuild(NotFound):
    """There is no such build, or it is not in a state for this."""

    code = "no-such-build"


class StateFailed(EventsError):
    """A reducer raised on the way to this state."""

    code = "reducer-failed"
    status = 409


class StandsStill(EventsError):
    """What was waited for does not come by itself."""

    code = "stands-still"
    status = 409


class TooManyJobs(EventsError):
    """Too many jobs wait already."""

    code = "too-many-jobs"
    status = 429
    retry_after = 5


class Behind(EventsError):
    """What was waited for has not come yet."""

    code = "behind"
    status = 503
    retry_after = 1
