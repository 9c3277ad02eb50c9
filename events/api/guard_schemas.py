"""The guards of appends in the bodies of the API. They stand beside `events`, or beside `appends` for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from django.utils import timezone
from msgspec import UNSET, Struct, UnsetType

from events.api.names import documented
from events.appending.checks import check_count
from events.appending.guards import Condition, Guard
from events.errors import Invalid, TooLarge
from events.query.parse import MAX_CHARACTERS, events_query

MAX_CONDITIONS = 16


QueryText = Annotated[
    str,
    documented(
        f"A query of up to {MAX_CHARACTERS:,} characters, for example `type:Order* data.amount>100`",
        format="eventsite-query",
    ),
]


class ConditionIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """No event that fits the query may have come after the position."""

    q: QueryText
    none_after: Annotated[
        int, documented("The last position that the writer has seen; 0: no event at all", minimum=0, maximum=2**63 - 1)
    ]

    def checked(self, field: str) -> Condition:
        """Return the condition; the times in it are counted from now.

        Raises:
            InvalidQuery, NotForEvents: the query can't be read, or it asks about a state.
            Invalid: `none_after` is not a position.
        """
        none_after = check_count(self.none_after, f"{field}.none_after", minimum=0)
        return Condition(events_query(self.q, timezone.now()), none_after, none_after)


Conditions = Annotated[
    list[ConditionIn], documented("The append is refused if one of these is not met", maxItems=MAX_CONDITIONS)
]

GUARDS_NEED_ATOMIC = {
    "anyOf": [
        {"not": {"anyOf": [{"required": [name]} for name in ("if", "leases", "settles")]}},
        {"required": ["atomic"], "properties": {"atomic": {"const": True}}},
    ]
}
"""A part of the schema of a request with several appends, beside its members."""


def checked_guards(conditions: list[ConditionIn] | UnsetType = UNSET, field: str = "") -> tuple[Guard, ...]:
    """Return the guards of an append; `field` is its place in the request.

    Raises:
        Invalid, InvalidQuery, NotForEvents, TooLarge: one can't be read, or there are too many.
    """
    if isinstance(conditions, UnsetType):
        return ()
    if len(conditions) > MAX_CONDITIONS:
        detail = f"{field}if holds {len(conditions)} conditions; the limit is {MAX_CONDITIONS}."
        raise Invalid(detail, field=f"{field}if", limit=MAX_CONDITIONS)
    check_length(conditions, f"{field}if")
    return tuple(condition.checked(f"{field}if[{number}]") for number, condition in enumerate(conditions))


def check_length(conditions: Iterable[ConditionIn], field: str) -> None:
    """Check that the queries of a request are together no longer than one may be, before any of them is read.

    Reading and compiling a query keeps the whole server busy, up to half a second for the longest.

    Raises:
        TooLarge: they are longer.
    """
    characters = sum(len(condition.q) for condition in conditions)
    if characters > MAX_CHARACTERS:
        detail = f"The conditions' queries have {characters:,} characters together; the limit is {MAX_CHARACTERS:,}."
        raise TooLarge(detail, field=field, limit=MAX_CHARACTERS)
