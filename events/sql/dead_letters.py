"""The statements of dead letters.

A selection is `{conditions}`: those of `SELECTED`, with literal states, so that the index of undone letters serves.
"""

from __future__ import annotations

_OF_LOG = """
    dead_letter l
    join subscription s on s.log_id = l.log_id and s.id = l.subscription_id"""
_DELIVERY = """
    left join delivery d on d.log_id = l.log_id and d.subscription_id = l.subscription_id and d.position = l.position
        and l.holds"""
SELECTED = """
    l.log_id = %(log_id)s and starts_with(s.stream_prefix, %(stream_prefix)s)
    and (%(subscription)s::text is null or s.name = %(subscription)s)
    and (%(fault)s::text is null or l.fault = %(fault)s)
    and (%(until)s::timestamptz is null or l.died_at <= %(until)s)
    and (%(positions)s::bigint[] is null or l.position = any (%(positions)s))"""
_LETTER = f"""
    select s.name, s.id, l.position, l.key, l.holds, l.state, l.deaths, l.attempts, l.died_at, l.fault, l.error_type,
        l.plain_message, l.frame, l.assigned_to, l.note, l.decided_by, l.decided_at, s.max_attempts, s.order_by,
        s.projection, coalesce(d.waiting, 0), a.consumer, e.type, e.stream, e.correlation_id,
        exists (select from redaction r where r.log_id = l.log_id and r.position = l.position)
    from {_OF_LOG}
    join event e on e.log_id = l.log_id and e.position = l.position
    left join failed_attempt a on a.log_id = l.log_id and a.subscription_id = l.subscription_id
        and a.position = l.position and a.attempt = l.attempts{_DELIVERY}"""
LETTERS = f"""{_LETTER}
    where {SELECTED} and {{states}}
        and (%(after)s::bigint is null or (l.position, s.name) {{beyond}} (%(after)s, %(after_name)s))
    order by l.position {{direction}}, s.name {{direction}} limit %(limit)s"""
LETTER = f"""{_LETTER}
    where l.log_id = %(log_id)s and s.name = %(subscription)s and l.position = %(position)s
        and starts_with(s.stream_prefix, %(stream_prefix)s)"""
ATTEMPTS = """
    select attempt, outcome, consumer, agent, taken_at, ended_at, head, error_type, message, traceback, frame
    from failed_attempt
    where log_id = %(log_id)s and subscription_id = %(number)s and position = %(position)s order by attempt"""
DECIDE = """
    select %(subscription)s, letter_position, is_decided, letter_state
    from decide_letters(%(log_id)s, %(subscription)s, %(stream_prefix)s, %(positions)s::bigint[], %(decision)s, %(by)s,
        %(to)s, %(note)s)"""
FAULTS = f"""
    select s.name, l.fault, l.error_type, l.plain_message, l.frame, count(*), count(distinct l.key),
        count(d.position), coalesce(sum(d.waiting), 0)::bigint,
        count(*) filter (where l.state = 'escalated'), count(*) filter (where l.state = 'retrying'),
        min(l.position), max(l.position), min(l.died_at), max(l.died_at)
    from {_OF_LOG}{_DELIVERY}
    where {SELECTED} and {{states}}
    group by s.name, l.fault, l.error_type, l.plain_message, l.frame
    order by count(*) desc, s.name, l.fault"""
DEATHS = f"""
    select s.name, l.fault, least(23, floor(extract(epoch from now() - l.died_at) / 3600))::int, count(*)
    from {_OF_LOG}
    where {SELECTED} and {{states}} and l.died_at > now() - interval '1 day'
    group by 1, 2, 3 order by 1, 2, 3"""
COUNTS = f"""
    select count(*), count(distinct (s.id, l.key)) filter (where l.key is not null)
        + count(*) filter (where l.key is null)
    from {_OF_LOG}
    where {SELECTED} and {{states}}"""
