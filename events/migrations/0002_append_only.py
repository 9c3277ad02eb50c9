from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.RunSQL(sql.load(name))
        for name in ("append_only", "catalogue_events", "append_events", "look_up", "redact_event", "restore_events")
    ]
