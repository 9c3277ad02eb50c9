"""The index of the data can be created and dropped at any time, and queries use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from events import data_index
from events.models import Log
from events.query.orm import where
from events.query.parse import parse
from events.reading import store
from tests.support.commands import append
from tests.support.factories import make_append


@pytest.fixture
def dropped_after(database: None) -> Iterator[None]:
    yield
    data_index.drop()


def test_a_value_is_looked_up_in_the_index(log: Log, dropped_after: None) -> None:
    append(log, make_append("order-1", *({"data": b'{"a":{"b":[%d]}}' % n} for n in range(3_000))))
    call_command("index_data", verbosity=0)
    statement = store.events(log.pk, where(parse("data.a.b:1234")), after=0, before=3_001, backward=True, limit=50)
    assert [event.position for event in statement.fetch()] == [1_235]
    assert "event_data" in statement.query.explain()


def test_the_index_can_be_made_again_and_dropped_twice(database: None, dropped_after: None) -> None:
    for options in ({}, {}, {"drop": True}, {"drop": True}):
        call_command("index_data", **options)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_indexes where indexname = 'event_data'")
        assert cursor.fetchone() == (0,)
