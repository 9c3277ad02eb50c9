"""The head of a log moves to a table of its own, whose row is the log's lock."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from events import sql

COPY = "insert into log_head (log_id, head, head_at) select id, head, head_at from log"


class Migration(migrations.Migration):
    dependencies = [("events", "0007_sign_in_attempts")]

    operations = [
        migrations.CreateModel(
            name="LogHead",
            fields=[
                (
                    "log",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="end",
                        serialize=False,
                        to="events.log",
                    ),
                ),
                ("head", models.BigIntegerField(db_default=0, help_text="the position of the last event")),
                (
                    "head_at",
                    models.DateTimeField(help_text="recorded_at of the last event: times never go back", null=True),
                ),
                (
                    "rules_at",
                    models.BigIntegerField(db_default=0, help_text="the position of the last event that set a rule"),
                ),
            ],
            options={"db_table": "log_head"},
        ),
        migrations.RunSQL(COPY),
        migrations.RunSQL(sql.load("log_head")),
        migrations.RemoveField(model_name="log", name="head"),
        migrations.RemoveField(model_name="log", name="head_at"),
        *(migrations.RunSQL(sql.load(name)) for name in ("append_events", "redact_event", "restore_events")),
    ]
