"""Tokens know the first event that was appended with them, by which Connect finds its run."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0045_token_ending"),
    ]

    operations = [
        migrations.AddField(
            "token",
            "first_position",
            models.BigIntegerField(null=True, blank=True, help_text="of the first event that it appended"),
        ),
    ]
