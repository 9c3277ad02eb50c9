"""Decisions that `match.py` and `orm.py` share, so that both readings of a query agree. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from events.query import tree
from events.query.errors import NotForEvents
from events.query.tree import Ago, Query, Root

_MAY_BE_ESCAPED = re.compile(r'["\\/\x00-\x1f]')


def pinned(time: datetime | Ago) -> datetime:
    """Return a time of a pinned query. `match.py` and `orm.py` have no clock, so call `times.pin_times` first."""
    if isinstance(time, Ago):
        raise TypeError("The query's times are not pinned.")
    return time


def refuse_state(query: Query) -> None:
    """Raise `NotForEvents` if a query asks about a state, which an event alone does not have."""
    for leaf in tree.leaves(query):
        path = tree.path_of(leaf)
        if isinstance(leaf, tree.Changed) or (path and path.root is Root.STATE):
            field = "changed:" if isinstance(leaf, tree.Changed) else "state"
            raise NotForEvents(f"{field} is for replays and lists of states; a list of events has no states.")


def escape_marker(text: str) -> str:
    r"""Return the characters that JSON text must contain if an escaped string or key in it can hold `text`.

    A character with a short escape may be written as that; any other is written as it is or as \u….
    """
    return "\\" if _MAY_BE_ESCAPED.search(text) else "\\u"


def folded(text: str) -> bytes:
    """Return the text with A to Z as a to z and nothing else changed, as Postgres does under the collation C."""
    return text.encode().lower()
