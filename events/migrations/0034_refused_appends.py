"""Pages tell how many appends a pause has refused."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0033_locks_in_order"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusedAppends",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.BigIntegerField()),
                ("appends", models.BigIntegerField()),
                ("last_at", models.DateTimeField()),
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
                "db_table": "refused_appends",
            },
        ),
    ]
