"""Snapshots that may have counted system events are dropped: they are a cache, and a workflow has no such events now."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef


def drop_snapshots(apps: Any, schema_editor: Any) -> None:
    """Drop the snapshots of logs with system events, except those of streams, which don't mix them with others."""
    events = apps.get_model("events", "Event").objects
    system_events = events.filter(log_id=OuterRef("log_id"), stream__gte="eventsite-", stream__lt="eventsite.")
    apps.get_model("projections", "Snapshot").objects.filter(Exists(system_events)).exclude(kind="stream").delete()


class Migration(migrations.Migration):
    dependencies = [("projections", "0009_job_seen"), ("events", "0010_system_events")]

    operations = [migrations.RunPython(drop_snapshots, migrations.RunPython.noop)]
