"""Statements about states (the events of a source, snapshots, kept states, times) and about new jobs."""

from __future__ import annotations

from events.blocks import bound, by_block

STREAM_EVENTS = """
select {columns} from event where log_id = %(log_id)s and stream = %(name)s and version > %(after)s
order by version limit %(limit)s"""
# Positions have no gaps, so a range of them bounds the number of events, as a limit would, and uses the primary key.
LOG_EVENTS = """
select {columns} from event where log_id = %(log_id)s and position > %(after)s and position <= %(upto)s
order by position"""
NAMED_EVENTS = f"""
select {{columns}} from event
where log_id = %(log_id)s and {{condition}}
    and {bound("position", ">", "%(after)s", "%(after_block)s")}
    and {bound("position", "<=", "%(upto)s", "%(upto_block)s")}
order by {by_block("position", "asc")} limit %(limit)s"""

_OF_FOLD = """log_id = %(log_id)s and projection = %(projection)s and kind = %(kind)s and source = %(source)s
    and fingerprint = %(fingerprint)s"""

# The places of a key's events: full rows with a fixed number of places each, and the later places beside the state.
_OF_KEY = "log_id = %(log_id)s and projection = %(projection)s and build = %(build)s and key = %(key)s"
_AT_PLACES = """
select {columns} from event
where log_id = %(log_id)s and position = any(array(select place from places)) order by position"""
PLACES_AHEAD = f"""
with places as (
    select place from (
        select unnest(positions) as place from (
            (select positions from key_places where {_OF_KEY} and position <= %(after)s
             order by position desc limit 1)
            union all
            (select positions from key_places where {_OF_KEY} and position > %(after)s and position <= %(upto)s
             order by position limit %(rows)s)
            union all
            select places from projection_state where {_OF_KEY}
        ) as noted
    ) as every where place > %(after)s and place <= %(upto)s order by place limit %(limit)s
) {_AT_PLACES}"""
PLACES_BACK = f"""
with places as (
    select place from (
        select unnest(positions) as place from (
            (select positions from key_places where {_OF_KEY} and position <= %(place)s
             order by position desc limit %(rows)s)
            union all
            select places from projection_state where {_OF_KEY}
        ) as noted
    ) as every where place <= %(place)s order by place desc limit %(limit)s
) {_AT_PLACES} desc"""
NTH_PLACE = f"""
select coalesce(
    (select positions[%(nth_of_row)s] from key_places where {_OF_KEY} order by position offset %(row)s limit 1),
    (select places[%(nth_of_row)s] from projection_state where {_OF_KEY} and events >= %(n)s))"""

# The snapshots of one source by one code, without those that have an event which was redacted since.
_SOUND = f"""
    from snapshot as s
    where {_OF_FOLD} and not exists (
        select from redaction as r
        where r.log_id = s.log_id and r.position <= s.position and r.marker_position > s.seen)"""
_POINT = f"select n, place, events, position, version, event_size, kept_size, state {_SOUND}"
# A snapshot that has passed later events of the source may have the same state, but another number of events.
_NEAREST = f"""{_POINT} and position <= {{position}} and (kind = 'stream' or place <= {{position}})
    order by position desc, n desc limit 1"""
NEAREST = _NEAREST.format(position="%(position)s")
NEWEST = f"""
    select log_head.head, newest.*
    from log_head left join lateral ({_NEAREST.format(position="log_head.head")}) as newest on true
    where log_head.log_id = %(log_id)s"""
BETWEEN = f"{_POINT} and n >= %(first)s and n < %(last)s order by n limit 1"
BEFORE = f"{_POINT} and n <= %(n)s order by n desc limit 1"
AFTER = f"select n {_SOUND} and n > %(n)s and not is_asked order by n limit 1"

# A snapshot from before a redaction is replaced. Otherwise the first one stays: a second one would be equal. The
# statement does not wait for the disk: a lost snapshot is made again from the log.
KEEP_SNAPSHOT = """
with no_wait as materialized (select set_config('synchronous_commit', 'off', true))
insert into snapshot (log_id, projection, kind, source, fingerprint,
                      n, place, events, position, version, event_size, kept_size, state, seen, is_asked)
select %(log_id)s, %(projection)s, %(kind)s, %(source)s, %(fingerprint)s, %(n)s, %(place)s, %(events)s, %(position)s,
       %(version)s, %(event_size)s, %(kept_size)s, %(state)s, %(seen)s, %(is_asked)s from no_wait
on conflict (log_id, projection, kind, source, fingerprint, n) do update
set place = excluded.place, events = excluded.events, position = excluded.position, version = excluded.version,
    event_size = excluded.event_size, kept_size = excluded.kept_size, state = excluded.state, seen = excluded.seen,
    is_asked = excluded.is_asked and snapshot.is_asked
where excluded.seen > snapshot.seen"""
FORGET_ASKED = f"""
delete from snapshot
where {_OF_FOLD} and is_asked and n not in (
    select n from snapshot where {_OF_FOLD} and is_asked order by created_at desc, n limit %(limit)s)"""

# The build that readers see, unless it may hold the content of an event that was redacted since.
_BUILD = """
    c.projection, c.build, c.version, c.fingerprint, c.status, c.is_live, c.position, c.started_at, c.advanced_at,
    c.error, c.error_position, log_head.head,
    (select recorded_at from event where event.log_id = c.log_id and event.position = c.position + 1)"""
_LIVE = """
    where c.log_id = %(log_id)s and c.projection = %(projection)s and c.is_live and not exists (
        select from redaction as r
        where r.log_id = c.log_id and r.marker_position > c.seen)"""
LIVE_BUILD = f"select {_BUILD} from checkpoint as c join log_head on log_head.log_id = c.log_id {_LIVE}"
LIVE_STATE = f"""
    select {_BUILD}, s.state, s.events, s.position, e.version, p.position, p.error, p.is_retried
    from checkpoint as c join log_head on log_head.log_id = c.log_id
    left join projection_state as s
        on s.log_id = c.log_id and s.projection = c.projection and s.build = c.build and s.key = %(key)s
    left join parked as p
        on p.log_id = c.log_id and p.projection = c.projection and p.build = c.build and p.key = %(key)s
    left join event as e on e.log_id = s.log_id and e.position = s.position {_LIVE}"""

# A request for work that is queued or running gets that job.
_ACTIVE_JOBS = "select count(*) from job where status in ('queued', 'running') and can_wait = %(can_wait)s"
ENSURE_JOB = f"""
insert into job (log_id, kind, key, arguments, asker, can_wait, seen)
select %(log_id)s, %(kind)s, %(key)s, %(arguments)s, %(asker)s, %(can_wait)s,
    (select head from log_head where log_id = %(log_id)s)
where ({_ACTIVE_JOBS} and asker = %(asker)s) < %(max_of_asker)s
  and ({_ACTIVE_JOBS} and log_id = %(log_id)s) < %(max_of_log)s
on conflict (log_id, kind, key) where status in ('queued', 'running') do nothing"""
