"""System events are no events of a workflow: a redaction does not change its end, its agents or its number of events."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0009_commitments")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("keep_lists", "uncount_system_events")]
