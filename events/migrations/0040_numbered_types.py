"""The types of a log are numbered by their first events, which gives their colours and shapes."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import events.columns
from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0039_otel_held"),
    ]

    operations = [
        migrations.CreateModel(
            name="NumberedType",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.IntegerField(help_text="1 for the type of the first event")),
                ("name", events.columns.NameField()),
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
            options={
                "db_table": "numbered_type",
                "constraints": [models.UniqueConstraint(fields=("log", "name"), name="numbered_type_name")],
            },
        ),
        *(migrations.RunSQL(sql.load(name)) for name in ("number_types", "number_first_types", "keep_lists")),
    ]
