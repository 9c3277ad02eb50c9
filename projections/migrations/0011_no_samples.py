"""Postgres keeps no samples of what events say: its statistics would outlive the redaction of an event.

ANALYZE leaves out a column whose statistics target is 0. What it had collected stays, and the owner of a table can
remove that in one way only in all versions of Postgres: a column that gets a type, if only its own, loses its
statistics. The planner needs none of these columns: each row is found by its primary key.
"""

from __future__ import annotations

from django.db import migrations

COLUMNS = {
    "checkpoint": {"error": "text", "traceback": "text"},
    "parked": {"key": 'text collate "C"', "error": "text", "traceback": "text"},
    "key_places": {"key": 'text collate "C"'},
    "snapshot": {"source": 'text collate "C"', "state": "text"},
    "job": {"key": 'text collate "C"', "arguments": "jsonb", "result": "jsonb", "error": "text"},
    "projection_state": {"key": 'text collate "C"', "state": "text"},
}
# The type of a column can't be set while another column is made from it.
DROP_SEARCH = "alter table projection_state drop column search"
ADD_SEARCH = """
alter table projection_state add column search jsonb generated always as (state::jsonb) stored;
alter table projection_state alter column search set statistics 0;"""


def _without_samples(table: str, columns: dict[str, str]) -> str:
    changes = [
        *(f"alter column {name} type {type}" for name, type in columns.items()),
        *(f"alter column {name} set statistics 0" for name in columns),
    ]
    return f"alter table {table} {', '.join(changes)}"


class Migration(migrations.Migration):
    dependencies = [("projections", "0010_system_events")]

    operations = [
        migrations.RunSQL(DROP_SEARCH),
        *(migrations.RunSQL(_without_samples(table, columns)) for table, columns in COLUMNS.items()),
        migrations.RunSQL(ADD_SEARCH),
    ]
