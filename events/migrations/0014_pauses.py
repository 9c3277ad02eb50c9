"""Agents and workflows can be paused."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import events.models
from events import sql

FUNCTIONS = ("check_pauses", "set_pauses", "is_paused", "restore_pauses", "run_guards", "redact_event")


class Migration(migrations.Migration):
    dependencies = [("events", "0013_conditions_by_name")]

    operations = [
        migrations.CreateModel(
            name="Pause",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "kind", "name", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.BigIntegerField(help_text="of the event that paused it")),
                ("kind", models.TextField(help_text="agent or workflow")),
                ("name", events.models.NameField(db_collation="C")),
                (
                    "log",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="events.log",
                    ),
                ),
            ],
            options={"db_table": "pause"},
        ),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
