"""The function that holds an export takes texts instead of arrays."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0041_hold_export"),
    ]

    operations = [
        migrations.RunSQL("drop function if exists hold_export"),
        migrations.RunSQL(sql.load("hold_export")),
    ]
