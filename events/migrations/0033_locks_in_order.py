"""Locks are taken in one order, and a key that is a value of data goes where its event is redacted."""

from __future__ import annotations

from django.db import migrations

from events import sql

FUNCTIONS = (
    *("settle_by_append", "breaker_room", "redact_failures", "bury", "forget_redacted_key"),
    *("judge_breaker", "serve_subscription"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0032_letters_in_order"),
    ]

    operations = [
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
        # Samples would keep keys that were redacted, and no plan needs them.
        *(
            migrations.RunSQL(f"alter table {table} alter column key set statistics 0")
            for table in ("delivery", "dead_letter")
        ),
        # An event that waits for its key is counted in the key's row. With room on its page, that touches no index.
        migrations.RunSQL("alter table delivery set (fillfactor = 70)"),
    ]
