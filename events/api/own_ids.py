"""The ids that a client may give to its events: all but those that the server makes from facts.

Whoever knows the facts knows such an id. A client that appended an event with it first would keep the server's own
event out of the log for ever, or the events of the consumer whose delivery it is.
"""

from __future__ import annotations

import re

from events.errors import Invalid
from events.subscriptions.guard import EventIds
from events.system_streams import ID_PREFIX

_reserved = re.compile(rf"{ID_PREFIX}|{EventIds.PATTERN}\Z").match


def check_own_id(id: str, field: str, ids: EventIds | None) -> None:
    """Refuse an id that is reserved. An append that settles a delivery may name one of the `ids` of that delivery.

    Raises:
        Invalid
    """
    if _reserved(id) and not (ids is not None and id in ids):
        detail = (
            f"{field} is reserved: ids that begin with {ID_PREFIX} are the server's, and one like 1.1-1-0 is given to "
            "an event that settles a delivery. Only the append that settles this delivery may name it."
        )
        raise Invalid(detail, field=field)
