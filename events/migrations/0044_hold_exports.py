"""One function holds what several exports brought, with one commit."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0043_pieces_as_they_are"),
    ]

    operations = [
        migrations.RunSQL(sql.load("hold_exports")),
        migrations.RunSQL("drop function hold_export"),
    ]
