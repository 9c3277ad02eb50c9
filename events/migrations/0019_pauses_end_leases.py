"""A pause ends the leases of what is paused, and no paused agent gets one."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0018_guards_at_once")]

    operations = [migrations.RunSQL(sql.load(name)) for name in ("pause_of", "set_pauses", "check_lease_moves")]
