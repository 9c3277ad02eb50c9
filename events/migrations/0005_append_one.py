from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0004_workflow_clocks")]

    operations = [migrations.RunSQL(sql.load("append_events"))]
