"""A take skips the events of paused workflows."""

from __future__ import annotations

from django.db import migrations, models

from events import sql


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0026_subscription_lag"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="rules_at",
            field=models.BigIntegerField(
                db_default=0, help_text="of the log when it last looked for resumed workflows"
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.SmallIntegerField(
                choices=[(0, "Ready"), (1, "In Flight"), (2, "Retrying"), (3, "Held"), (4, "Paused")], db_default=0
            ),
        ),
        *(migrations.RunSQL(sql.load(name)) for name in ("hold_paused", "wake_workflows", "serve_subscription")),
    ]
