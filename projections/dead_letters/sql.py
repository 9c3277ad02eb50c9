"""The statements of parked keys of live builds, as they stand beside dead letters."""

from __future__ import annotations

_KIND = "substring(p.error from '^[^:]*')"
_PLACE = """coalesce(substring(p.traceback from '.*File "([^"]*", line [0-9]+, in [^\\n]*)'), '')"""
_FAULT = rf"left(encode(sha256(convert_to({_KIND} || e'\x1f' || {_PLACE}, 'UTF8')), 'hex'), 16)"
# A build that may hold redacted content shows none of its errors.
_LIVE = """
    parked p
    join checkpoint c on c.log_id = p.log_id and c.projection = p.projection and c.build = p.build and c.is_live
        and not exists (select from redaction r where r.log_id = c.log_id and r.marker_position > c.seen)"""
# The keys of projections by stream are streams: a token with a prefix sees those that have it.
_SELECTED = f"""
    p.log_id = %(log_id)s
    and (%(projection)s::text is null or p.projection = %(projection)s)
    and (%(stream_prefix)s = '' or (p.projection = any (%(by_stream)s) and starts_with(p.key, %(stream_prefix)s)))
    and (%(fault)s::text is null or {_FAULT} = %(fault)s)
    and (%(retried)s::boolean is null or p.is_retried = %(retried)s)"""
_ROW = f"""
    select p.projection, p.key, p.position, p.is_retried, p.since, p.error, {_PLACE}, {_FAULT}, e.type, e.stream,
        e.correlation_id
    from {_LIVE} join event e on e.log_id = p.log_id and e.position = p.position"""
PARKED = f"""{_ROW}
    where {_SELECTED} and (%(after)s::text is null or (p.projection, p.key) > (%(after)s, %(after_key)s))
    order by p.projection, p.key limit %(limit)s"""
PARKED_KEY = f"""{_ROW}
    where {_SELECTED} and p.key = %(key)s"""
UNPARK = f"""
    with selected as (
        select p.log_id, p.projection, p.build, p.key from {_LIVE}
        where {_SELECTED} and p.key = any (%(keys)s)
    ), moved as (
        update parked p set is_retried = true, position = p.position + %(step)s from selected s
        where p.log_id = s.log_id and p.projection = s.projection and p.build = s.build and p.key = s.key
            and not p.is_retried
        returning p.key
    )
    select s.key, s.key in (select key from moved) from selected s"""
COUNT_PARKED = f"select count(*) from {_LIVE} where {_SELECTED}"
