"""The append writes the event and the log's head only: heads get a table of their own, and lists follow later."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from events import sql

COPY = """
insert into log_head (log_id, head, head_at) select id, head, head_at from log;
insert into list_checkpoint (log_id, position) select id, head from log;"""
FUNCTIONS = ("guard_log", "merge_agents", "keep_lists")


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
        migrations.CreateModel(
            name="ListCheckpoint",
            fields=[
                (
                    "log",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="lists",
                        serialize=False,
                        to="events.log",
                    ),
                ),
                ("position", models.BigIntegerField(db_default=0)),
            ],
            options={"db_table": "list_checkpoint"},
        ),
        migrations.RunSQL(COPY),
        migrations.RunSQL(sql.load("log_head")),
        migrations.RemoveField(model_name="log", name="head"),
        migrations.RemoveField(model_name="log", name="head_at"),
        migrations.RemoveIndex(model_name="stream", name="stream_category"),
        migrations.RemoveField(model_name="stream", name="category"),
        # They have other parameters than before.
        migrations.RunSQL("drop function if exists append_events, catalogue_events"),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
