from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("append_only", "append_events", "look_up")]
