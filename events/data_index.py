"""The index of the values in the events' data. It is optional, as it makes appends slower (docs/decisions/0005)."""

from __future__ import annotations

from django.db import connection

from events import sql


def create() -> None:
    """Create the index anew, while appends go on. An invalid index of an interrupted call is dropped first."""
    drop()
    with connection.cursor() as cursor:
        cursor.execute(sql.CREATE_DATA_INDEX)
        # The planner uses the index for rare values: this tells it how common the values are.
        cursor.execute("analyze event")


def drop() -> None:
    """Drop the index if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DROP_DATA_INDEX)
