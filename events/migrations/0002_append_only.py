from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    # The functions are loaded by the last migration that changed them, as their files are those of today.
    operations = [migrations.RunSQL(sql.load(name)) for name in ("guard_log", "guard_event", "append_only")]
