"""What comes over OpenTelemetry is held until its traces are complete."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import events.columns


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0038_letters_of_a_prefix"),
    ]

    operations = [
        migrations.CreateModel(
            name="OtelExporter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "token_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token_id", models.BigIntegerField()),
                ("first_at", models.DateTimeField(help_text="the time of the first export that was taken", null=True)),
                ("last_at", models.DateTimeField(null=True)),
                ("exports", models.BigIntegerField(help_text="exports that were taken")),
                ("compressed", models.BigIntegerField(help_text="exports that came compressed")),
                ("bytes", models.BigIntegerField()),
                ("spans", models.BigIntegerField()),
                ("records", models.BigIntegerField()),
                ("refused_spans", models.BigIntegerField(help_text="spans without valid ids")),
                ("dropped_records", models.BigIntegerField(help_text="log records that are not of a model's messages")),
                ("dropped_metrics", models.BigIntegerField(help_text="exports of metrics")),
                ("refusals", models.BigIntegerField(help_text="exports that were refused")),
                ("refused_at", models.DateTimeField(null=True)),
                ("refused_status", models.IntegerField(null=True)),
                (
                    "content_at",
                    models.DateTimeField(
                        help_text="the last time that messages were among the spans or logs", null=True
                    ),
                ),
                ("user_agent", models.TextField()),
                ("refused_reason", models.TextField(null=True)),
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
                "db_table": "otel_exporter",
            },
        ),
        migrations.CreateModel(
            name="OtelFailure",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("trace_id", models.UUIDField()),
                ("failed_at", models.DateTimeField()),
                ("stream", events.columns.NameField(db_collation="C", null=True)),
                ("event_id", events.columns.NameField(db_collation="C", null=True)),
                ("code", models.TextField()),
                ("detail", models.TextField()),
                (
                    "log",
                    models.ForeignKey(
                        db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to="events.log"
                    ),
                ),
            ],
            options={
                "db_table": "otel_failure",
            },
        ),
        migrations.CreateModel(
            name="OtelLink",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "trace_id", "other_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("trace_id", models.UUIDField()),
                ("other_id", models.UUIDField()),
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
                "db_table": "otel_link",
            },
        ),
        migrations.CreateModel(
            name="OtelPiece",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "trace_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("trace_id", models.UUIDField()),
                ("token_id", models.BigIntegerField(help_text="the token that it came with")),
                ("received_at", models.DateTimeField(db_index=True)),
                ("number", models.IntegerField()),
                ("count", models.IntegerField(help_text="its spans or log records")),
                ("bytes", models.IntegerField(help_text="about what it takes in memory when it is read")),
                ("are_records", models.BooleanField(help_text="it holds log records, not spans")),
                ("body", models.BinaryField()),
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
                "db_table": "otel_piece",
            },
        ),
        migrations.CreateModel(
            name="OtelRun",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "trace_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("trace_id", models.UUIDField()),
                ("named_at", models.DateTimeField(db_index=True)),
                ("stream", events.columns.NameField(db_collation="C")),
                ("correlation_id", events.columns.NameField(db_collation="C")),
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
                "db_table": "otel_run",
                "indexes": [
                    models.Index(fields=["log", "stream"], name="otel_run_stream"),
                    models.Index(fields=["log", "correlation_id"], name="otel_run_correlation"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OtelTrace",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "trace_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("trace_id", models.UUIDField()),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="it is mapped then, unless it waits for traces of its run", null=True
                    ),
                ),
                (
                    "waits_since",
                    models.DateTimeField(help_text="it was due then, but waits for traces of its run", null=True),
                ),
                ("last_at", models.DateTimeField(help_text="the time at which its last piece came")),
                ("pieces", models.IntegerField(help_text="the number of its last piece")),
                ("mapped", models.IntegerField(db_default=0, help_text="the number of the last piece that was mapped")),
                ("held_spans", models.IntegerField(help_text="spans that are not mapped")),
                ("held_records", models.IntegerField(help_text="log records that are not mapped")),
                ("held_bytes", models.BigIntegerField()),
                ("kept_bytes", models.BigIntegerField(db_default=0, help_text="of pieces that were mapped")),
                ("attempts", models.IntegerField(db_default=0, help_text="how often a worker died with it")),
                ("has_root", models.BooleanField(help_text="its root has ended")),
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
                "db_table": "otel_trace",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["log", "due_at"], name="otel_trace_due"
                    )
                ],
            },
        ),
    ]
