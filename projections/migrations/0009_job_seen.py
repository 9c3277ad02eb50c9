"""The log's head when a job began: its result may hold the content of an event that was redacted later."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projections", "0008_key_places")]

    operations = [
        migrations.AddField(
            "job",
            "seen",
            models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="the log's head when it was taken on: a redaction after it came too late",
            ),
        ),
    ]
