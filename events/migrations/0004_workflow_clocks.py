from django.db import migrations, models

# This fills the new columns of the workflows that exist, and the old ones, which mixed both clocks.
FILL = """
update workflow w set
    first_recorded_at = e.first_recorded_at, last_recorded_at = e.last_recorded_at,
    first_occurred_at = e.first_occurred_at, last_occurred_at = e.last_occurred_at
from (
    select log_id, correlation_id, min(recorded_at) as first_recorded_at, max(recorded_at) as last_recorded_at,
        min(occurred_at) as first_occurred_at, max(occurred_at) as last_occurred_at
    from event where correlation_id is not null group by log_id, correlation_id
) e
where w.log_id = e.log_id and w.correlation_id = e.correlation_id
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0003_event_at")]

    operations = [
        migrations.RenameField("workflow", "first_at", "first_recorded_at"),
        migrations.RenameField("workflow", "last_at", "last_recorded_at"),
        migrations.AddField("workflow", "first_occurred_at", models.DateTimeField(null=True)),
        migrations.AddField("workflow", "last_occurred_at", models.DateTimeField(null=True)),
        migrations.RunSQL(FILL),
    ]
