"""Conditions of appends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from events.appending.guards import Condition
from events.query.parse import events_query
from events.types import Append
from tests.support.factories import make_append

COLLIDING_QUERIES = [
    *(
        "type:Moved",
        "type:M*",
        "stream:a-1",
        "stream:b-1 type:Placed",
        "-stream:a-1",
    ),
    *("position:2..3", "version:1", "since:1h", "data:1", "id:3 OR id:4", ""),
]


def make_condition(text: str, none_after: int = 0) -> Condition:
    """The condition that no event which fits a query came after a position."""
    return Condition(events_query(text, datetime.now(UTC)), none_after, none_after)


def conditional(*queries: str, after: int = 0, stream: str = "b-1", **fields: Any) -> Append:
    """An append of one event to a stream, if nothing that fits one of the queries came after a position."""
    guards = tuple(make_condition(text, after) for text in queries)
    return make_append(stream, {"type": "Other"}, guards=guards, **fields)


guards = st.lists(
    st.builds(make_condition, st.sampled_from(COLLIDING_QUERIES), st.integers(0, 6)), min_size=1, max_size=2
)
maybe_guards = st.just(()) | st.just(()) | guards.map(tuple)
