"""A subscription knows the earliest deadline of its deliveries, so that no search goes through those that are settled."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0034_refused_appends")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="due_from",
            field=models.DateTimeField(
                help_text="no delivery in flight has an earlier deadline; null: nothing is known", null=True
            ),
        ),
    ]
