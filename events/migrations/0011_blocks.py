"""The indexes of names hold blocks of positions, and that of times holds seconds (docs/decisions/0012)."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Coalesce


def _block_of(position: str) -> models.Func:
    return models.Func(position, template="(%(expressions)s >> 10)::int4", output_field=models.IntegerField())


_SECOND = models.Func(
    Coalesce("occurred_at", "recorded_at"),
    template="date_bin('1 second', %(expressions)s, timestamptz '0001-01-01 00:00:00+00')",
    output_field=models.DateTimeField(),
)


def _of_events(name: str, *expressions: Any) -> migrations.AddIndex:
    return migrations.AddIndex("event", models.Index("log", *expressions, name=name))


def _of_named_events(name: str, column: str, *expressions: Any) -> migrations.AddIndex:
    condition = models.Q(**{f"{column}__isnull": False})
    return migrations.AddIndex("event", models.Index(*expressions, name=name, condition=condition))


class Migration(migrations.Migration):
    dependencies = [("events", "0010_system_events")]

    operations = [
        _of_events("event_type_block", "type", _block_of("position")),
        _of_named_events("event_correlation_block", "correlation_id", "log", "correlation_id", _block_of("position")),
        _of_named_events("event_causation_block", "causation_id", "causation_id", "log", _block_of("position")),
        _of_named_events("event_agent_block", "agent", "log", "agent", _block_of("position")),
        _of_events("event_second", _SECOND),
        *(
            migrations.AddIndex(table, models.Index("log", _block_of("last_position"), name=f"{table}_last_block"))
            for table in ("stream", "workflow")
        ),
        *(
            migrations.RemoveIndex("event", f"event_{name}")
            for name in ("type", "correlation", "causation", "agent", "at")
        ),
        *(migrations.RemoveIndex(table, f"{table}_last_position") for table in ("stream", "workflow")),
        # Statistics of the blocks: the planner has none for new expressions.
        migrations.RunSQL("analyze event, stream, workflow", migrations.RunSQL.noop),
    ]
