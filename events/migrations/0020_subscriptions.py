"""Subscriptions: where consumers are, which events are not settled, and which could not be done."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import events.columns
from events import sql

# It begins at random: ids of events are made from these numbers, and a log may be restored in another installation.
SEQUENCE = """
    do $$ begin
        execute format('create sequence subscription_number as int start with %s', 1 + floor(random() * 9e8)::int);
    end $$"""
FUNCTIONS = (
    *("free_keys", "forget_failures", "settle_done", "bury", "fail_deliveries", "settle_others", "settle_deliveries"),
    *("wake_deliveries", "take_ready", "take_new", "lock_keys", "let_wait", "describe_deliveries", "note_progress"),
    *("acknowledge", "next_of_keys", "deliveries_of", "next_due", "serve_subscription"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0019_pauses_end_leases"),
    ]

    operations = [
        migrations.RunSQL(SEQUENCE, "drop sequence subscription_number"),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("position", models.BigIntegerField()),
                ("key", events.columns.NameField(db_collation="C", null=True)),
                ("holds", models.BooleanField(help_text="later events of its key wait")),
                (
                    "state",
                    events.columns.NameField(
                        db_collation="C", help_text="open, escalated, retrying, skipped, done or closed"
                    ),
                ),
                ("deaths", models.IntegerField(db_default=1)),
                ("attempts", models.IntegerField()),
                ("died_at", models.DateTimeField()),
                (
                    "fault",
                    events.columns.NameField(
                        db_collation="C",
                        help_text="the same for letters with the same error, message without numbers, and frame",
                    ),
                ),
                ("error_type", models.TextField()),
                ("plain_message", models.TextField()),
                ("frame", models.TextField()),
                ("assigned_to", events.columns.NameField(db_collation="C", null=True)),
                ("note", models.TextField(null=True)),
                ("decided_by", events.columns.NameField(db_collation="C", null=True)),
                ("decided_at", models.DateTimeField(null=True)),
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
                "db_table": "dead_letter",
            },
        ),
        migrations.CreateModel(
            name="FailedAttempt",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "position",
                        "attempt",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("position", models.BigIntegerField()),
                ("attempt", models.IntegerField()),
                ("outcome", events.columns.NameField(db_collation="C", help_text="failed, poison or expired")),
                ("consumer", events.columns.NameField(db_collation="C")),
                ("agent", events.columns.NameField(db_collation="C", null=True)),
                ("taken_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("head", models.BigIntegerField(help_text="the last position that its consumer could see")),
                ("error_type", models.TextField()),
                ("message", models.TextField(null=True)),
                ("traceback", models.TextField(null=True)),
                ("plain_message", models.TextField(help_text="the message without its numbers")),
                ("frame", models.TextField(help_text="the first own frame of the traceback")),
                (
                    "fault",
                    events.columns.NameField(
                        db_collation="C", help_text="the same for failures with the same error, plain message and frame"
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
                "db_table": "failed_attempt",
            },
        ),
        migrations.CreateModel(
            name="ServerEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", events.columns.NameField(db_collation="C")),
                ("subject", events.columns.NameField(db_collation="C", help_text="its stream is eventsite-<subject>")),
                ("type", events.columns.NameField(db_collation="C")),
                ("facts", models.JSONField()),
                ("by", events.columns.NameField(db_collation="C", null=True)),
                ("about", models.BigIntegerField(help_text="the position of the event that it is about", null=True)),
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
                "db_table": "server_event",
            },
        ),
        migrations.CreateModel(
            name="WaitingEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "chain",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("chain", models.BigIntegerField()),
                ("position", models.BigIntegerField()),
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
                "db_table": "waiting_event",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("position", models.BigIntegerField()),
                ("chain", models.BigIntegerField()),
                (
                    "due",
                    models.DateTimeField(
                        help_text="in flight: its deadline; retrying: the time of the next attempt", null=True
                    ),
                ),
                ("taken_at", models.DateTimeField(null=True)),
                ("head", models.BigIntegerField(help_text="the last position that its consumer could see", null=True)),
                (
                    "token",
                    models.UUIDField(
                        help_text="of this attempt and others of one take; part of the delivery's id", null=True
                    ),
                ),
                ("attempt", models.IntegerField(db_default=0)),
                (
                    "state",
                    models.SmallIntegerField(
                        choices=[(0, "Ready"), (1, "In Flight"), (2, "Retrying"), (3, "Held")], db_default=0
                    ),
                ),
                (
                    "waiting",
                    models.BigIntegerField(db_default=0, help_text="the number of events of the key that wait"),
                ),
                (
                    "has_earlier",
                    models.BooleanField(db_default=False, help_text="an earlier event, a dead letter, waits as well"),
                ),
                ("key", events.columns.NameField(db_collation="C", null=True)),
                ("consumer", events.columns.NameField(db_collation="C", null=True)),
                ("agent", events.columns.NameField(db_collation="C", null=True)),
                ("request", events.columns.NameField(db_collation="C", null=True)),
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
                "db_table": "delivery",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", 0)),
                        fields=["log", "subscription_id", "position"],
                        name="delivery_ready",
                    ),
                    models.Index(
                        condition=models.Q(("state", 1)),
                        fields=["log", "subscription_id", "due"],
                        name="delivery_in_flight",
                    ),
                    models.Index(
                        condition=models.Q(("state", 2)),
                        fields=["log", "subscription_id", "due"],
                        name="delivery_retrying",
                    ),
                    models.Index(
                        condition=models.Q(("has_earlier", True)),
                        fields=["log", "subscription_id"],
                        name="delivery_earlier",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("key__isnull", False)),
                        fields=("log", "subscription_id", "key"),
                        name="delivery_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", models.IntegerField(db_default=events.columns.NextVal("subscription_number"), editable=False)),
                ("name", events.columns.NameField(db_collation="C")),
                ("query", models.TextField(help_text="the events that it delivers")),
                ("order_by", models.TextField(help_text="stream, workflow, agent, none, or a JSON Pointer into data")),
                ("ack_deadline", models.FloatField(help_text="seconds")),
                ("max_attempts", models.IntegerField()),
                (
                    "backoff",
                    models.JSONField(help_text="first, factor, most and jitter of the pauses before further attempts"),
                ),
                ("max_in_flight", models.IntegerField()),
                ("max_in_flight_per_consumer", models.IntegerField()),
                ("passes_dead_letters", models.BooleanField(help_text="a dead letter does not hold its key")),
                (
                    "projection",
                    events.columns.NameField(db_collation="C", help_text="which shows the state that a consumer saw"),
                ),
                ("breaker", models.JSONField(null=True)),
                ("with_system_events", models.BooleanField()),
                (
                    "stream_prefix",
                    events.columns.NameField(
                        db_collation="C", help_text="of the token that made it: it delivers no other streams"
                    ),
                ),
                ("version", models.IntegerField(db_default=1, help_text="raised by each change of its settings")),
                ("generation", models.IntegerField(db_default=1, help_text="raised by each rewind")),
                ("is_paused", models.BooleanField(db_default=False)),
                ("start", models.BigIntegerField(help_text="the position after which it began")),
                ("read_to", models.BigIntegerField(help_text="every event up to here is settled, or has a row")),
                ("lowest", models.BigIntegerField(db_default=0, help_text="no event up to here has a row in delivery")),
                (
                    "without_key",
                    models.BigIntegerField(db_default=0, help_text="events that had no key at its pointer"),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                "db_table": "subscription",
                "constraints": [models.UniqueConstraint(fields=("log", "name"), name="subscription_name")],
            },
        ),
        migrations.AddIndex(
            model_name="redaction", index=models.Index(fields=["log", "marker_position"], name="redaction_marker")
        ),
        *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
    ]
