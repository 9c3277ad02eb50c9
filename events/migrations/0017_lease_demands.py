"""A log may demand leases."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import events.models
from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0016_leases")]

    operations = [
        migrations.CreateModel(
            name="LeaseDemands",
            fields=[
                (
                    "log",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="lease_demands",
                        serialize=False,
                        to="events.log",
                    ),
                ),
                ("workflows", models.BooleanField(help_text="events of a workflow need its lease")),
                (
                    "streams",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=events.models.NameField(db_collation="C"),
                        help_text="prefixes of the streams that need their own lease",
                        size=None,
                    ),
                ),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=events.models.NameField(db_collation="C"),
                        help_text="these need the lease of their stream or workflow",
                        size=None,
                    ),
                ),
            ],
            options={"db_table": "lease_demands"},
        ),
        *(migrations.RunSQL(sql.load(name)) for name in ("set_lease_demands", "run_guards")),
    ]
