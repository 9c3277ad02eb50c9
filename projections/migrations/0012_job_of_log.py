"""The key of a job begins with its log, as every key does: a database of several nodes keeps a log's rows together."""

from __future__ import annotations

from django.db import migrations, models

import projections.models

KEY = "alter table job drop constraint job_pkey, add constraint job_pkey primary key (log_id, id)"
KEY_BEFORE = "alter table job drop constraint job_pkey, add constraint job_pkey primary key (id)"


class Migration(migrations.Migration):
    dependencies = [("projections", "0011_no_samples")]

    operations = [
        migrations.RemoveIndex(model_name="job", name="job_log"),
        migrations.SeparateDatabaseAndState(
            # The column stays an identity: its default is the next number of its sequence.
            database_operations=[migrations.RunSQL(KEY, KEY_BEFORE)],
            state_operations=[
                migrations.AlterField(
                    model_name="job",
                    name="id",
                    field=models.BigIntegerField(db_default=projections.models.NextVal("job_id_seq"), editable=False),
                ),
                migrations.AddField(
                    model_name="job",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "log_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
