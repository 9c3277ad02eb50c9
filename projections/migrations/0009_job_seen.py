"""Up to where the log was read when a job began: what was redacted later may stand in its result."""

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
