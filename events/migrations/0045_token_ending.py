"""Tokens keep their last four characters, by which people tell them apart."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0044_hold_exports"),
    ]

    operations = [
        migrations.AddField(
            "token",
            "ending",
            models.CharField(max_length=4, blank=True, db_default="", help_text="its last characters; empty: not kept"),
        ),
    ]
