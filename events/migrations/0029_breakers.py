"""Subscriptions and their consumers have breakers."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import events.columns
from events import sql

FUNCTIONS = (
    *("set_breaker", "judge_breaker", "note_outcomes", "breaker_room", "begin_trial"),
    *("acknowledge", "settle_done", "fail_deliveries", "serve_subscription"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0028_consumers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "consumer",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                (
                    "consumer",
                    events.columns.NameField(db_collation="C", help_text="empty: of the subscription as a whole"),
                ),
                (
                    "state",
                    models.SmallIntegerField(choices=[(0, "Closed"), (1, "Open"), (2, "Half Open")], db_default=0),
                ),
                (
                    "outcomes",
                    models.TextField(db_default="", help_text="of the last deliveries: 1 is a failure, 0 is not"),
                ),
                (
                    "failed",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        db_default=[],
                        help_text="the positions of the last failures",
                        size=None,
                    ),
                ),
                ("until", models.DateTimeField(help_text="the end of its pause, while it is open", null=True)),
                (
                    "trial",
                    models.BigIntegerField(
                        help_text="the position of the event that it lets through half-open", null=True
                    ),
                ),
                ("trial_token", models.UUIDField(null=True)),
                (
                    "changed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="when it opened or closed last"
                    ),
                ),
                (
                    "used_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="the time of the last outcome"
                    ),
                ),
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
                "db_table": "breaker",
            },
        ),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
