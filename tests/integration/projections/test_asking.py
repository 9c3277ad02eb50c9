"""Work for the database: the results of statements, and the fate of errors."""

from __future__ import annotations

from django.db import DataError
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log
from events.reading.db_work import DbWork, run
from events.reading.statement import Statement


def test_the_error_of_a_statement_is_djangos_and_is_raised_where_it_was_asked(log: Log) -> None:
    def work() -> DbWork[str]:
        try:
            yield Statement("select 1 / %(zero)s", {"zero": 0}, int)
        except DataError as error:
            return str(error)
        return "none"

    assert "division by zero" in run(work())


def test_statements_for_rows_are_counted_as_queries(
    log: Log, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def work() -> DbWork[list[int]]:
        heads: list[int] = yield Statement("select head from log_head where log_id = %(id)s", {"id": log.pk}, int)
        return heads

    head = log.head
    with django_assert_num_queries(1):
        assert run(work()) == [head]
