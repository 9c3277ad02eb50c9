from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0002_append_only")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("redact_event", "restore_events")]
