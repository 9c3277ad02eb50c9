"""A settlement that is sent again is told the same, also after a pause, a retry or the end of its subscription."""

from __future__ import annotations

from django.db import migrations

from events import sql

FUNCTIONS = ("wake_deliveries", "retry_letters", "fail_deliveries", "settle_by_append")


class Migration(migrations.Migration):
    dependencies = [("events", "0035_subscription_place")]

    operations = [migrations.RunSQL(sql.load(name)) for name in FUNCTIONS]
