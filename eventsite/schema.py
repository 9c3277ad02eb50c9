"""The migration of the database, by one process at a time."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connections

from events.sessions import direct_alias

LOCK = 0x6576656E74  # "event": any number that no other program on this database uses


def migrate() -> None:
    """Apply the missing migrations; servers that start together take turns."""
    alias = direct_alias()
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            call_command("migrate", database=alias, interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
