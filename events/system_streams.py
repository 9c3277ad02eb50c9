"""The streams that belong to the server: redactions, and whatever else it has to record in a log. Pure.

Their events are system events. Nobody but the server, and the restore of an export, may write them.
"""

from __future__ import annotations

PREFIX = "eventsite-"
"""The beginning of the names of these streams. Names are compared by bytes: `Eventsite-a` is not one of them."""
REDACTIONS = f"{PREFIX}redactions"
ID_PREFIX = PREFIX
"""The beginning of the ids of the server's events. No client may give such an id to an event of its own."""


def is_system(stream: str) -> bool:
    """Whether a stream belongs to the server, so that its events are system events."""
    return stream.startswith(PREFIX)
