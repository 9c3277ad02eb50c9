"""The statements that read the lists of streams, workflows and types.

The tables hold what the keeper has listed, up to its checkpoint. Each statement adds the events after it: `fresh` has
the streams, workflows or types of these events, which replace their rows in the table. A fixed number of events bounds
the work, should nobody keep the lists. `offset 0` holds the planner to that range: it would read the whole log in the
order of what is grouped. System events are no events of a workflow.
"""

from __future__ import annotations

from events.blocks import block, bound
from events.sql import NOT_SYSTEM

MOST_FRESH_EVENTS = 20_000
_CHECKPOINT = "(select position from list_checkpoint where log_id = %(log_id)s)"
_LAST = f"({_CHECKPOINT} + {MOST_FRESH_EVENTS})"
_RANGE = f"log_id = %(log_id)s and position > {_CHECKPOINT} and position <= {_LAST}"

# Names are left out by an array: a join could make the planner read all streams instead of the first few.
STREAMS = f"""
with fresh as materialized (
    select stream as name, max(version) as version, max(position) as last_position
    from (select * from event where {_RANGE} offset 0) as event group by stream
)
select name, version, last_position from (
    (select name, version, last_position from stream
     where log_id = %(log_id)s and {{condition}} and name <> all (array(select name from fresh))
     order by {{order}} limit %(limit)s)
    union all
    select name, version, last_position from fresh where {{condition}}
) as stream order by {{order}} limit %(limit)s"""
STREAM = """
select stream, version, position from event
where log_id = %(log_id)s and stream = %(name)s order by version desc limit 1"""

_AGGREGATES = """
    min(position) as first_position, max(position) as last_position, count(*) as events,
    min(recorded_at) as first_recorded_at, max(recorded_at) as last_recorded_at,
    min(occurred_at) as first_occurred_at, max(occurred_at) as last_occurred_at,
    coalesce((array_agg(distinct agent) filter (where agent is not null))[:20], array[]::text[]) as agents"""
_MERGED = """
    least(kept.first_position, fresh.first_position) as first_position,
    greatest(kept.last_position, fresh.last_position) as last_position,
    coalesce(kept.events, 0) + fresh.events as events,
    least(kept.first_recorded_at, fresh.first_recorded_at) as first_recorded_at,
    greatest(kept.last_recorded_at, fresh.last_recorded_at) as last_recorded_at,
    least(kept.first_occurred_at, fresh.first_occurred_at) as first_occurred_at,
    greatest(kept.last_occurred_at, fresh.last_occurred_at) as last_occurred_at,
    merge_agents(kept.agents, fresh.agents) as agents"""
_FIELDS = """correlation_id, first_position, last_position, events,
    first_recorded_at, last_recorded_at, first_occurred_at, last_occurred_at, agents"""
WORKFLOWS = f"""
with fresh as materialized (
    select fresh.correlation_id, {_MERGED}
    from (
        select correlation_id, {_AGGREGATES}
        from (select * from event where {_RANGE} offset 0) as event
        where correlation_id is not null and {NOT_SYSTEM} group by correlation_id
    ) as fresh left join lateral (
        select * from workflow
        where log_id = %(log_id)s and workflow.correlation_id = fresh.correlation_id limit 1
    ) as kept on true
)
select {_FIELDS} from (
    (select {_FIELDS} from workflow
     where log_id = %(log_id)s and {{condition}} and correlation_id <> all (array(select correlation_id from fresh))
     order by {{order}} limit %(limit)s)
    union all
    select {_FIELDS} from fresh where {{condition}}
) as workflow order by {{order}} limit %(limit)s"""
WORKFLOW = f"""
select %(id)s as correlation_id, {_MERGED}
from (
    select {_AGGREGATES} from event
    where log_id = %(log_id)s and correlation_id = %(id)s and {NOT_SYSTEM}
        and {bound("position", ">", _CHECKPOINT, block(_CHECKPOINT))} and {bound("position", "<=", _LAST, block(_LAST))}
) as fresh
left join workflow as kept on kept.log_id = %(log_id)s and kept.correlation_id = %(id)s
where fresh.events > 0 or kept.events > 0"""
# The types after the first `known`. One snapshot tells which events the keeper has come to: the number that a type gets
# here is the one that it gets in the table.
TYPES = f"""
with numbered as materialized (select name, number from numbered_type where log_id = %(log_id)s),
fresh as (
    select type, min(position) as first_position
    from (select * from event where {_RANGE} offset 0) as event group by type
)
select name, number from (
    select name, number from numbered
    union all
    select type, ((select count(*) from numbered) + row_number() over (order by first_position))::int
    from fresh where type not in (select name from numbered)
) as type where number > %(known)s and number <= %(most)s order by number"""
# The events that neither the tables hold nor a read adds.
BEHIND = f"""
select greatest(head - position - {MOST_FRESH_EVENTS}, 0)
from log_head join list_checkpoint using (log_id) where log_id = %(log_id)s"""
IS_LISTED = "select position >= %(head)s from list_checkpoint where log_id = %(log_id)s"

LOGS_TO_KEEP = """
select log_id from log_head join list_checkpoint using (log_id) where head > position order by log_id"""
KEEP = "select keep_lists(%(log_id)s, %(most)s)"
FORGET = (
    "update list_checkpoint set position = 0 where log_id = %(log_id)s",
    "delete from stream where log_id = %(log_id)s",
    "delete from workflow where log_id = %(log_id)s",
)
