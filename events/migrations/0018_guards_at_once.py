"""The guards of a flush are taken out of their text at once."""

from __future__ import annotations

from django.db import migrations

from events import sql


class Migration(migrations.Migration):
    dependencies = [("events", "0017_lease_demands")]

    operations = [migrations.RunSQL(sql.load("run_guards"))]
