"""Guards may be answered by what the writer knows of the last events."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0012_plans_for_any_log")]

    operations = [migrations.RunSQL(sql.load("run_guards"))]
