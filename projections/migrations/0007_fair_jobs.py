"""Whose turns a job takes, how many it has had, and when a log or asker was served last."""

from __future__ import annotations

from django.db import migrations, models

from events.models import NameField


class Migration(migrations.Migration):
    dependencies = [("projections", "0006_declared_policy")]

    operations = [
        migrations.AddField(
            "job",
            "asker",
            NameField(
                db_collation="C", db_default="", default="", help_text="the person or token whose turns it takes"
            ),
        ),
        migrations.AddField(
            "job",
            "turns",
            models.IntegerField(db_default=0, default=0, help_text="how often it made room for others"),
        ),
        migrations.AddIndex("job", models.Index(fields=["log", "-heartbeat_at"], name="job_log_turn")),
        migrations.AddIndex("job", models.Index(fields=["asker", "-heartbeat_at"], name="job_asker_turn")),
    ]
