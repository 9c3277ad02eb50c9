"""Dead letters are retried, skipped and escalated."""

from __future__ import annotations

from django.db import migrations

from events import sql

FUNCTIONS = (
    *("attempts_of_retried", "has_other_retried", "free_keys", "take_ready", "bury", "fail_deliveries"),
    *("retry_letters", "decide_letters"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0023_settling_appends"),
    ]

    operations = [migrations.RunSQL(sql.load(name), migrations.RunSQL.noop) for name in FUNCTIONS]
