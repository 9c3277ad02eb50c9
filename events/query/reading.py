"""What the two readings of a tree, `match.py` and `orm.py`, decide alike. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from events.query import tree
from events.query.errors import NotForEvents
from events.query.tree import Ago, Query, Root

_MAY_BE_ESCAPED = re.compile(r'["\\/\x00-\x1f]')


def pinned(time: datetime | Ago) -> datetime:
    """The time of a pinned query. A reading has no clock: `pin()` comes first."""
    if isinstance(time, Ago):
        raise TypeError("The query's times are not pinned.")
    return time


def refuse_state(query: Query) -> None:
    """Raise `NotForEvents` where a query asks about a state, which an event alone does not have."""
    for leaf in tree.leaves(query):
        path = leaf.what if isinstance(leaf, tree.Has) else getattr(leaf, "path", None)
        if isinstance(leaf, tree.Changed) or (isinstance(path, tree.Path) and path.root is Root.STATE):
            field = "changed:" if isinstance(leaf, tree.Changed) else "state"
            raise NotForEvents(f"{field} asks about a step of a replay; a list of events has no state.")


def escape_marker(text: str) -> str:
    """What JSON text must hold if a string or name in it can hold a text that the JSON text itself doesn't.

    A character that has a short escape may stand as that; any other is written as it is or as \\u….
    """
    return "\\" if _MAY_BE_ESCAPED.search(text) else "\\u"


def folded(text: str) -> bytes:
    """A to Z as a to z and nothing else, which is what Postgres does under the collation C, whatever its locale."""
    return text.encode().lower()
