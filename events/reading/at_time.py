"""Positions at a time of recording. Times never go back, so halving finds them: 24 looks in ten million events."""

from __future__ import annotations

from datetime import datetime

from events.reading.statement import Statement

_LAST = """
    with recursive span(low, high) as (
        select 0::bigint, head from log_head where log_id = %(log_id)s
        union all
        select case when middle.recorded_at {earlier} %(time)s then middle.position else low end,
               case when middle.recorded_at {earlier} %(time)s then high else middle.position - 1 end
        from span, lateral (
            select position, recorded_at from event where log_id = %(log_id)s and position = (low + high + 1) / 2
        ) middle
        where low < high
    )
    select low from span where low = high"""
_LAST_AT = _LAST.format(earlier="<=")
_LAST_BEFORE = _LAST.format(earlier="<")


def position_at(log_id: int, time: datetime) -> Statement[int]:
    """Return the read of the last position that was recorded by a time; 0 before the first."""
    return Statement(_LAST_AT, {"log_id": log_id, "time": time}, int)


def position_before(log_id: int, time: datetime) -> Statement[int]:
    """Return the read of the last position recorded before a time. The next event is the first one then or later."""
    return Statement(_LAST_BEFORE, {"log_id": log_id, "time": time}, int)
