"""A redaction empties what failures say of the event; letters are decided about in the order in which appends settle."""

from __future__ import annotations

from django.db import migrations

from events import sql

FUNCTIONS = ("empty_failures", "redact_failures", "redact_event", "fail_deliveries", "bury", "decide_letters")
COLUMNS = {"failed_attempt": ("message", "traceback", "plain_message"), "dead_letter": ("plain_message", "note")}


def _without_samples(table: str, columns: tuple[str, ...]) -> str:
    """Return the statement that removes the samples that Postgres took of some columns, and lets it take no more."""
    changes = [f"alter column {name} type text, alter column {name} set statistics 0" for name in columns]
    return f"alter table {table} {', '.join(changes)}"


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0029_breakers"),
    ]

    operations = [
        *(migrations.RunSQL(_without_samples(table, columns)) for table, columns in COLUMNS.items()),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
