"""Locks are taken in one order, and `EventFailed` has no key that is a value of data."""

from __future__ import annotations

from django.db import migrations

from events import sql

FUNCTIONS = ("settle_by_append", "breaker_room", "redact_failures", "bury")


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0032_letters_in_order"),
    ]

    operations = [migrations.RunSQL(sql.load(name)) for name in FUNCTIONS]
