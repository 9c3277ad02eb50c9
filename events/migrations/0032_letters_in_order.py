"""The index of undone letters gives them in the order in which they are listed."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0031_server_event_order"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="deadletter", name="dead_letter_undone"),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "escalated", "retrying"))),
                fields=["log", "position", "subscription_id"],
                name="dead_letter_undone",
            ),
        ),
    ]
