"""A token decides about the letters of subscriptions with its own stream prefix."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0037_opening_outcomes"),
    ]

    operations = [
        migrations.RunSQL(sql.load("decide_letters")),
    ]
