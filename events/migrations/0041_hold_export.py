"""One function holds an export."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0040_numbered_types"),
    ]

    operations = [
        migrations.RunSQL(sql.load("hold_export")),
    ]
