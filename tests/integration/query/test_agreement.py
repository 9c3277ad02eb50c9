"""The database and the matcher give the same answer to any query on any events."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.models import Log
from events.query.tree import Query
from events.reading import store
from events.types import Append
from tests.support.agreement import APPENDS, disagreements
from tests.support.commands import append
from tests.support.query_strategies import EVENT_QUERIES


@given(st.lists(APPENDS, min_size=5, max_size=10), st.lists(EVENT_QUERIES, min_size=10, max_size=20))
# Hypothesis does not shrink a failure, which would take minutes: the message names the queries.
@settings(max_examples=70, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_the_database_and_the_matcher_agree(
    make_log: Callable[[], Log], appends: list[Append], queries: list[Query]
) -> None:
    log = make_log()
    append(log, *appends)
    events = store.events(log.pk, limit=1_000).fetch()
    assert not disagreements(log, queries, events)
