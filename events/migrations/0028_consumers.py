"""Subscriptions know when each consumer was seen."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import events.columns


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0027_pauses_in_takes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubscriptionConsumer",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "name",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("name", events.columns.NameField(db_collation="C")),
                ("agent", events.columns.NameField(db_collation="C", null=True)),
                ("last_seen_at", models.DateTimeField()),
                ("minute", models.DateTimeField(help_text="the minute of its last deliveries")),
                ("in_minute", models.IntegerField(help_text="deliveries in that minute")),
                ("in_minute_before", models.IntegerField(help_text="deliveries in the minute before it")),
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
                "db_table": "subscription_consumer",
            },
        ),
    ]
