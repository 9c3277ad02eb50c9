"""All raw statements of this app. Lists travel as texts joined by U+001F (docs/decisions/0002)."""

from __future__ import annotations

SEPARATOR = "\x1f"

LISTEN = "listen eventsite"
LOCK = "select id from unnest(%(logs)s::int[]) as id where pg_try_advisory_lock(%(part)s, id)"
HEADS = "select log_id, head from log_head where %(logs)s::int[] is null or log_id = any(%(logs)s) order by log_id"

_BUILD = "log_id = %(log_id)s and projection = %(projection)s and build = %(build)s"

CHECKPOINTS = """
    select log_id, projection, build, version, fingerprint, is_live, policy, position, rate,
        (select count(*) from parked
         where (parked.log_id, parked.projection, parked.build)
            = (checkpoint.log_id, checkpoint.projection, checkpoint.build))
    from checkpoint where log_id = any(%(logs)s) and status = 'running'
    order by log_id, projection, build"""
# A build that began before an event was redacted may hold its content, as states, as keys or in the text of an error.
# The rows are locked in the order in which a build that takes over locks them: its own first.
RETIRE_UNSOUND = """
    with unsound as materialized (
        select log_id, projection, build from checkpoint
        where log_id = any(%(logs)s) and status <> 'retired'
            and seen < (select max(marker_position) from redaction where redaction.log_id = checkpoint.log_id)
        order by log_id, projection, build desc for update)
    update checkpoint set is_live = false, status = 'retired', error = '', traceback = '' from unsound
    where (checkpoint.log_id, checkpoint.projection, checkpoint.build)
        = (unsound.log_id, unsound.projection, unsound.build)"""
NEWEST = """
    select distinct on (log_id, projection) log_id, projection, version, fingerprint, own_fingerprint
    from checkpoint where log_id = any(%(logs)s) and status <> 'retired' order by log_id, projection, build desc"""
RETIRE_BESIDE = """
    update checkpoint set status = 'retired'
    where log_id = %(log_id)s and projection = %(projection)s and not is_live and status <> 'retired'"""
BEGIN = """
    insert into checkpoint
        (log_id, projection, build, version, fingerprint, own_fingerprint,
         policy, status, is_live, live_at, started_at, seen)
    select %(log_id)s, %(projection)s, coalesce(max(build), 0) + 1,
        %(version)s, %(fingerprint)s, %(own_fingerprint)s,
        (array_agg(policy order by is_live desc, build desc))[1], 'running',
        count(*) = 0,
        case when count(*) = 0 then clock_timestamp() end,
        clock_timestamp(),
        (select head from log_head where log_id = %(log_id)s)
    from checkpoint where log_id = %(log_id)s and projection = %(projection)s
    on conflict do nothing returning build"""
# The row is locked before anything is read or written: the session that holds it knows that the build has not moved.
LOCK_CHECKPOINT = f"select position, is_live, status from checkpoint where {_BUILD} for update"
ADVANCE = f"""
    update checkpoint set position = %(position)s, rate = %(rate)s, status = %(status)s,
        skipped = skipped + %(skipped)s, unkeyed = unkeyed + %(unkeyed)s,
        unkeyed_position = coalesce(%(unkeyed_position)s, unkeyed_position),
        error = coalesce(%(error)s, error), traceback = coalesce(%(traceback)s, traceback),
        error_position = coalesce(%(error_position)s, error_position),
        advanced_at = clock_timestamp()
    where {_BUILD}"""

# The text begins with a separator, and the first key is left out: otherwise one empty key, that of a whole log, would
# be an empty list.
LOAD = """
    select requested.key, state.state, state.events, state.position, state.places, parked.key is not null
    from unnest((string_to_array(%(keys)s, E'\\x1f'))[2:]) as requested (key)
    left join projection_state as state
        on state.log_id = %(log_id)s and state.projection = %(projection)s and state.build = %(build)s
        and state.key = requested.key
    left join parked
        on parked.log_id = %(log_id)s and parked.projection = %(projection)s and parked.build = %(build)s
        and parked.key = requested.key
    where state.key is not null or parked.key is not null"""
STORE = """
    insert into projection_state (log_id, projection, build, key, events, position, state, places)
    select %(log_id)s, %(projection)s, %(build)s, key, events, position, state, nullif(places, '')::bigint[]
    from unnest(
        (string_to_array(%(keys)s, E'\\x1f'))[2:],
        string_to_array(%(events)s, E'\\x1f')::bigint[],
        string_to_array(%(positions)s, E'\\x1f')::bigint[],
        string_to_array(%(states)s, E'\\x1f'),
        string_to_array(%(places)s, E'\\x1f')) as new (key, events, position, state, places)
    on conflict (log_id, projection, build, key) do update
    set events = excluded.events, position = excluded.position, state = excluded.state, places = excluded.places"""
STORE_PLACES = """
    insert into key_places (log_id, projection, build, key, position, positions)
    select %(log_id)s, %(projection)s, %(build)s, key, (places::bigint[])[1], places::bigint[] from unnest(
        (string_to_array(%(keys)s, E'\\x1f'))[2:],
        string_to_array(%(places)s, E'\\x1f')) as new (key, places)"""

# A row is written only if the lag is the largest of its minute, so an idle runner writes one row a minute.
NOTE_LAG = """
    insert into projection_lag (log_id, projection, minute, events)
    select log_id, checkpoint.projection, date_trunc('minute', now()), log_head.head - checkpoint.position
    from checkpoint join log_head using (log_id)
    where log_id = any(%(logs)s) and checkpoint.is_live and not exists (
        select from projection_lag as noted
        where noted.log_id = checkpoint.log_id and noted.projection = checkpoint.projection
            and noted.minute = date_trunc('minute', now()) and noted.events >= log_head.head - checkpoint.position)
    on conflict (log_id, projection, minute) do update set events = excluded.events"""
FORGET_LAG = "delete from projection_lag where log_id = any(%(logs)s) and minute < now() - interval '1 hour'"

PARK = """
    insert into parked (log_id, projection, build, key, position, since, error, traceback)
    values (%(log_id)s, %(projection)s, %(build)s, %(key)s, %(position)s, clock_timestamp(), %(error)s, %(traceback)s)
    on conflict (log_id, projection, build, key) do update
    set position = excluded.position, is_retried = false, error = excluded.error, traceback = excluded.traceback"""
# Only keys of builds that go on: if a build is paused, or other code made it, its keys wait with it.
RETRIED = """
    select log_id, projection, build, key, parked.position
    from parked join checkpoint using (log_id, projection, build)
    where parked.is_retried and parked.log_id = any(%(logs)s)
        and checkpoint.is_live and checkpoint.status = 'running' and checkpoint.fingerprint = any(%(fingerprints)s)
    order by parked.position, key limit 100"""
MOVE_PARKED = f"update parked set position = %(position)s where {_BUILD} and key = %(key)s"
UNPARK = f"delete from parked where {_BUILD} and key = %(key)s"

LIVE_POSITION = """
    select build, position from checkpoint
    where log_id = %(log_id)s and projection = %(projection)s and is_live for update"""
RETIRE = f"update checkpoint set is_live = false, status = 'retired' where {_BUILD}"
MAKE_LIVE = f"update checkpoint set is_live = true, live_at = clock_timestamp() where {_BUILD}"
RETIRED = "select log_id, projection, build from checkpoint where log_id = any(%(logs)s) and status = 'retired'"
# A statement removes a bounded number of rows, so that a large build is not one long transaction.
_REMOVE = "delete from {0} where ctid = any(array(select ctid from {0} where " + _BUILD + " limit %(limit)s))"
REMOVE_STATES = _REMOVE.format("projection_state")
REMOVE_PLACES = _REMOVE.format("key_places")
REMOVE_PARKED = _REMOVE.format("parked")
REMOVE_CHECKPOINT = f"delete from checkpoint where {_BUILD} and status = 'retired'"
