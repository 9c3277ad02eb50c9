"""Dead letters are listed by position, and the retried ones of a key are found."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0021_lease_expiry"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "escalated", "retrying"))),
                fields=["log", "position"],
                name="dead_letter_undone",
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("state", "retrying")),
                fields=["log", "subscription_id", "key"],
                name="dead_letter_retrying",
            ),
        ),
    ]
