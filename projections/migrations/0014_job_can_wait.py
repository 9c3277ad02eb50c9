"""Jobs that may wait for what others do are counted apart: they take no place of other jobs."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projections", "0013_job_due")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="can_wait",
            field=models.BooleanField(
                db_default=False, default=False, help_text="it may wait for what others do, so it is counted apart"
            ),
        ),
    ]
