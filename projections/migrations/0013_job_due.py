"""A job may wait for something that others have to do."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projections", "0012_job_of_log")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="due_at",
            field=models.DateTimeField(help_text="no worker takes it before; null: at once", null=True),
        ),
    ]
