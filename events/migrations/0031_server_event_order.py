"""Server events are appended in the order in which they became due."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("events", "0030_redacted_failures")]

    operations = [
        migrations.AddField(
            model_name="serverevent",
            name="due_at",
            field=models.DateTimeField(db_default=Now(), help_text="they are appended in this order"),
        ),
    ]
