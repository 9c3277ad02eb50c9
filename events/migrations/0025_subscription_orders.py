"""Subscriptions are rewound and paused, and count the events that have no key."""

from __future__ import annotations

from django.db import migrations, models

import events.columns
from events import sql

FUNCTIONS = (
    *("verdict_without_row", "settle_deliveries", "settle_by_append", "rewind_subscription"),
    "serve_subscription",
)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0024_decide_letters"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="pause_reason",
            field=events.columns.NameField(db_collation="C", help_text="of a pause; it may have none", null=True),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="without_key",
            field=models.BigIntegerField(db_default=0, help_text="events read since its last rewind that had no key"),
        ),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
