"""Text to tree and back."""

from __future__ import annotations

from hypothesis import given, settings

from events.query.parse import parse
from events.query.printing import to_text
from events.query.tree import Query
from tests.unit.query.strategies import ALL_QUERIES


@given(ALL_QUERIES)
@settings(max_examples=2_000)
def test_a_printed_query_parsed_is_the_same_query(query: Query) -> None:
    assert parse(to_text(query)) == query
