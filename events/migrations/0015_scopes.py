"""Two more scopes of tokens: `consume` and `supervise`."""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0014_pauses")]

    operations = [
        migrations.AlterField(
            model_name="token",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("append", "Append"),
                        ("read", "Read"),
                        ("consume", "Consume"),
                        ("supervise", "Supervise"),
                        ("admin", "Admin"),
                    ],
                    max_length=10,
                ),
                size=None,
            ),
        )
    ]
