from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0005_append_one")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("append_events", "look_up", "restore_events")]
