"""The answers of the database and of the matcher to the same queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from events import models
from events.models import Log
from events.query.match import event_matcher
from events.query.orm import where
from events.query.printing import to_text
from events.query.tree import Query
from events.types import Append, Event
from tests.support.factories import make_append
from tests.support.query_strategies import JSON, KEYS, NAMES, TIMES, json_text


def _append(stream: str, data: Any, metadata: dict[str, Any], ascii: bool, fields: dict[str, Any]) -> Append:
    payloads = {"data": json_text(data, ascii=ascii).encode(), "metadata": json_text(metadata, ascii=ascii).encode()}
    return make_append(stream, {**payloads, **fields})


MAYBE_NAMES = st.none() | NAMES


APPENDS = st.builds(
    _append,
    st.sampled_from(["a", "ab", "a-b", "a-b-c", "ab-", "-a", "A-1", "a%-b", "é-1", '\\-"', "a b-1"])
    | st.sampled_from(["eventsite-", "eventsite-a", "eventsite-\U0010ffff", "eventsite", "eventsite.", "Eventsite-a"]),
    st.fixed_dictionaries({"a": JSON}) | JSON,
    st.dictionaries(KEYS, JSON, max_size=2),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "type": NAMES,
            "agent": MAYBE_NAMES,
            "correlation_id": MAYBE_NAMES,
            "causation_id": MAYBE_NAMES,
            "occurred_at": st.none() | TIMES.map(datetime.isoformat),
            "tags": st.lists(NAMES, max_size=3, unique=True).map(tuple),
        }
    ),
)


def matching_positions(log: Log, query: Query, *, upto: int) -> list[int]:
    events = models.Event.objects.filter(where(query), log_id=log.pk, position__lte=upto)
    return list(events.order_by("position").values_list("position", flat=True))


def disagreements(log: Log, queries: Iterable[Query], events: list[Event]) -> list[tuple[str, list[int], list[int]]]:
    """The queries whose answers differ: the text of each, the positions from the database, those from the matcher."""
    answers = (
        (
            to_text(query),
            matching_positions(log, query, upto=len(events)),
            [event.position for event in filter(event_matcher(query), events)],
        )
        for query in queries
    )
    return [answer for answer in answers if answer[1] != answer[2]]
