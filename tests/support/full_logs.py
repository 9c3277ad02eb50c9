"""Logs of many events, for the plans of statements. They are written past the writer, in one statement."""

from __future__ import annotations

from django.db import connection

from events.models import Log

MANY = 20_000
RARE = 10_001
"""The position of the only event with the names `rare`."""


def fill(log: Log, part: int) -> None:
    """Insert the events. Each `part`th has the names `busy`; every second one is of one stream, the others of 200."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into event (log_id, position, stream, version, id, type, data, metadata, salt, digest, agent,
                               schema_version, correlation_id, causation_id, recorded_at, tags)
            select %(log)s, n,
                   case when n %% 2 = 0 then 'large-1' else 'order-' || n %% 401 end,
                   case when n %% 2 = 0 then n / 2 else n end,
                   'id-' || n,
                   case when n = %(rare)s then 'rare' when n %% %(part)s = 0 then 'busy' else 'Type' || n %% 40 end,
                   '{}', '{}', decode(repeat('00', 16), 'hex'), decode(repeat('00', 32), 'hex'),
                   case when n = %(rare)s then 'rare' when n %% %(part)s = 0 then 'busy' else 'agent-' || n %% 40 end,
                   1,
                   case when n = %(rare)s then 'rare' when n %% %(part)s = 0 then 'busy' else 'run-' || n %% 400 end,
                   case when n = %(rare)s then 'rare' when n %% %(part)s = 0 then 'busy' else 'id-' || n - 1 end,
                   timestamptz '2026-01-01' + n * interval '0.01 s',
                   case when n = %(rare)s then array['rare', 'busy'] when n %% %(part)s = 0 then array['busy'] end
            from generate_series(1, %(many)s) n
            """,
            {"log": log.pk, "many": MANY, "part": part, "rare": RARE},
        )
        cursor.execute(
            "insert into event_tag (log_id, tag, position) select log_id, unnest(tags), position from event"
            " where log_id = %s",
            [log.pk],
        )
        cursor.execute("update log_head set head = %s where log_id = %s", [MANY, log.pk])
        cursor.execute("select keep_lists(%s, %s)", [log.pk, MANY - 100])
