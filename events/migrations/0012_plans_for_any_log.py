"""A look-up and a redaction keep one plan for all logs, as appends do."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0011_blocks")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("look_up", "redact_event")]
