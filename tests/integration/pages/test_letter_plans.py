"""A query of letters looks at each event once, by its position, for any statistics."""

from __future__ import annotations

import pytest

from events.models import Log
from events.query.parse import parse
from events.subscriptions.letters import reads
from events.subscriptions.letters.letter import Selection
from tests.support.fixture_types import AppendEvents
from tests.support.plans import QUEUE_STATISTICS, Statistics, explain, pretended
from tests.support.subscriptions import make_letter, make_subscription

SUBSCRIPTIONS = 5
BY_POSITION = ("event_pkey", "event_second", None)
"""The indexes of positions; so small a table may be read without one."""


@pytest.fixture
def letters(log: Log, append: AppendEvents) -> list[int]:
    append("order-1", *({"type": "Placed"} for _ in range(50)))
    for number in range(SUBSCRIPTIONS):
        work = make_subscription(log, name=f"work-{number}", read_to=50)
        for position in range(number + 1, 50, SUBSCRIPTIONS):
            make_letter(work, position)
    return list(range(1, 50))


@pytest.mark.parametrize("statistics", QUEUE_STATISTICS)
@pytest.mark.parametrize("query", ["type:Placed", "stream:order-1", "tag:a", "data.a:1", "-type:Placed OR words"])
def test_a_query_is_asked_of_each_letters_event(
    log: Log, letters: list[int], statistics: Statistics, query: str
) -> None:
    statement = next(reads.resolved(log.pk, Selection(query=parse(query))))
    with pretended(statistics):
        plan = explain(statement)
    [event] = [node for node in plan if node.get("Relation Name") == "event"]
    assert event.get("Index Name") in BY_POSITION
    assert event["Actual Loops"] == len(letters)
