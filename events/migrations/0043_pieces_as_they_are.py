"""Pieces of traces are kept for some minutes, so they are not compressed: that took two thirds of the time to write them."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0042_hold_export_texts"),
    ]

    operations = [
        migrations.RunSQL(
            "alter table otel_piece alter column body set storage external",
            "alter table otel_piece alter column body set storage extended",
        ),
    ]
