"""Leases of workflows, streams and names."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import events.models
from events import sql

_FUNCTIONS = ("check_leases", "check_lease_moves", "move_leases", "run_guards")


class Migration(migrations.Migration):
    dependencies = [("events", "0015_scopes")]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "kind", "name", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token", models.BigIntegerField(help_text="the position of the event that granted it")),
                ("expires_at", models.DateTimeField()),
                ("kind", events.models.NameField(db_collation="C", help_text="workflow, stream or name")),
                ("name", events.models.NameField(db_collation="C")),
                ("holder", events.models.NameField(db_collation="C", help_text="an agent")),
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
            options={"db_table": "lease"},
        ),
        *(migrations.RunSQL(sql.load(name)) for name in _FUNCTIONS),
    ]
