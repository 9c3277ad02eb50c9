"""The index of the values in the events' data, for those who want it: it makes appends dearer (docs/decisions/0005)."""

from __future__ import annotations

from django.db import connection

from events import sql


def create() -> None:
    """Make it anew. Appends go on meanwhile; one that was cut short is no hindrance."""
    drop()
    with connection.cursor() as cursor:
        cursor.execute(sql.CREATE_DATA_INDEX)
        # How common a value is decides whether the index is asked: the planner learns it here.
        cursor.execute("analyze event")


def drop() -> None:
    """Be without it, whether or not it is there."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DROP_DATA_INDEX)
