"""An append may settle deliveries."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0022_dead_letters")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("settle_by_append", "run_guards")]
