"""The names of the last events exclude a query only if none of these events fits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.appending import names as names_module
from events.appending.names import LatestNames
from events.query.match import event_matcher
from events.query.parse import parse
from events.query.times import pin_times
from events.query.tree import Query
from events.types import Append
from tests.support.factories import make_append
from tests.support.query_strategies import EVENT_QUERIES

NAMES = st.sampled_from(["a", "b", "ab", "a-1", "b-1"])


@st.composite
def appends(draw: st.DrawFn) -> Append:
    """Appends whose names collide with those of the queries."""
    optional = st.none() | NAMES
    event = {
        "type": draw(NAMES),
        "agent": draw(optional),
        "correlation_id": draw(optional),
        "causation_id": draw(optional),
        "tags": draw(st.lists(NAMES, max_size=2, unique=True)),
    }
    return make_append(draw(NAMES), *[event] * draw(st.integers(1, 2)))


def _fits(query: Query, appends: Sequence[Append], since: int, after: int) -> bool:
    """Whether an event after a place fits, as a look at each event tells."""
    placed = enumerate(((append.stream, event) for append in appends for event in append.events), since + 1)
    fits = event_matcher(query)
    now = datetime.now(UTC)
    return any(
        place > after and fits(event.recorded(stream, position=place, version=1, recorded_at=now))
        for place, (stream, event) in placed
    )


@given(EVENT_QUERIES, st.lists(appends(), max_size=6), st.integers(0, 3), st.integers(0, 12))
@settings(max_examples=1_000)
def test_what_they_exclude_fits_no_event(query: Query, appended: list[Append], since: int, after: int) -> None:
    names = LatestNames(since)
    for append in appended:
        names.add(append.stream, append.events)
    query = pin_times(query, datetime.now(UTC))
    if names.exclude(query, after):
        assert since <= after <= names.upto
        assert not _fits(query, appended, since, after)


@pytest.mark.parametrize(
    ("query", "excludes"),
    [
        *(("type:Moved", True), ("stream:b-1", True), ("category:b", True), ("agent:a2", True), ("tag:t2", True)),
        *(("correlation:w2", True), ("cause:c2", True), ("type:Placed tag:t2", True), ("tag:t2 OR type:Moved", True)),
        *(("data.a:1 tag:t2", True), ("type:Placed", False), ("stream:a-1", False), ("category:a", False)),
        *(("agent:a1", False), ("tag:t1", False), ("correlation:w1", False), ("cause:c1", False)),
        *(
            ("tag:t1 OR type:Moved", False),
            ("type:M*", False),
            ("-type:Placed", False),
            ("data.a:1", False),
            ("", False),
        ),
    ],
)
def test_they_exclude_what_asks_for_another_name(query: str, excludes: bool) -> None:
    names = LatestNames()
    event = {"agent": "a1", "correlation_id": "w1", "causation_id": "c1", "tags": ["t1"]}
    names.add("a-1", make_append("a-1", event).events)
    assert names.exclude(parse(query), 0) is excludes


def test_they_exclude_what_occurred_only_before_the_place() -> None:
    names = LatestNames()
    for stream in ("a-1", "b-1"):
        names.add(stream, make_append(stream).events)
    assert [names.exclude(parse("stream:a-1"), after) for after in range(4)] == [False, True, True, False]


def test_they_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "_MAX_NAMES", 10)
    names = LatestNames()
    for number in range(12):
        names.add(f"a{number}", make_append().events)
    query = parse("stream:nothing")
    assert names.upto == 12
    assert names.exclude(query, 12)
    assert not names.exclude(query, 0)
