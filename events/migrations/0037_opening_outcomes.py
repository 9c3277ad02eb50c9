"""An open breaker keeps the outcomes that opened it."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0036_told_again"),
    ]

    operations = [
        migrations.RunSQL(sql.load("set_breaker")),
    ]
