"""The statements of dead letters.

States are literals (`{states}`), so that the index of undone letters serves.
"""

from __future__ import annotations

from events.sql import IS_REDACTED, SHOWN_KEY

_SUBSCRIPTION = "join subscription s on s.log_id = l.log_id and s.id = l.subscription_id"
_DELIVERY = """
    left join delivery d on d.log_id = l.log_id and d.subscription_id = l.subscription_id and d.position = l.position
        and l.holds"""
# Conditions on the letters alone: an index gives them in order, whatever else is joined to them. Within `case`,
# Postgres makes a hash of the positions, of which there may be many thousands.
_SELECTED = f"""
    l.log_id = %(log_id)s and {{states}}
    and l.subscription_id = any (array(
        select id from subscription
        where log_id = %(log_id)s and (%(stream_prefix)s::text is null or stream_prefix = %(stream_prefix)s)
            and (%(subscription)s::text is null or name = %(subscription)s)))
    and (%(fault)s::text is null or l.fault = %(fault)s)
    and (%(until)s::timestamptz is null or l.died_at <= %(until)s)
    and (%(error)s::text is null or l.error_type like %(error)s)
    and (%(key)s::text is null or {SHOWN_KEY.format(row="l")} like %(key)s)
    and (%(least)s::bigint is null or l.attempts >= %(least)s)
    and (%(most)s::bigint is null or l.attempts <= %(most)s)
    and case when %(positions)s::bigint[] is null then true
             else l.position in (select unnest(%(positions)s::bigint[])) end"""
# The positions of letters whose event fits a condition. `offset 0` leaves no choice but to look up each event first.
POSITIONS = f"""
    select l.position from dead_letter l
    where {_SELECTED} and exists (
        select from (select * from event where log_id = l.log_id and position = l.position offset 0) event
        where {{condition}})"""
_COLUMNS = f"""
    select s.name, s.id, l.position, {SHOWN_KEY.format(row="l")}, l.holds, l.state, l.deaths, l.attempts, l.died_at,
        l.fault, l.error_type, l.plain_message, l.frame, l.assigned_to, l.note, l.decided_by, l.decided_at,
        s.max_attempts, s.order_by, s.projection, coalesce(d.waiting, 0), a.consumer, e.type, e.stream,
        e.correlation_id, {IS_REDACTED.format(row="l")}"""
_JOINED = f"""
    {_SUBSCRIPTION}
    join event e on e.log_id = l.log_id and e.position = l.position
    left join failed_attempt a on a.log_id = l.log_id and a.subscription_id = l.subscription_id
        and a.position = l.position and a.attempt = l.attempts{_DELIVERY}"""
LETTERS = f"""
    with l as materialized (
        select * from dead_letter l
        where {_SELECTED} {{beyond}}
        order by l.position {{direction}}, l.subscription_id {{direction}} limit %(limit)s
    )
    {_COLUMNS} from l {_JOINED}
    order by l.position {{direction}}, l.subscription_id {{direction}}"""
_BEYOND = """
    and (l.position, l.subscription_id) {sign} (
        %(after)s, (select id from subscription where log_id = %(log_id)s and name = %(after_name)s))"""
FORWARD = {"beyond": _BEYOND.format(sign=">"), "direction": "asc"}
BACKWARD = {"beyond": _BEYOND.format(sign="<"), "direction": "desc"}
LETTER = f"""
    {_COLUMNS} from dead_letter l {_JOINED}
    where l.log_id = %(log_id)s and s.name = %(subscription)s and l.position = %(position)s
        and (%(stream_prefix)s::text is null or s.stream_prefix = %(stream_prefix)s)"""
ATTEMPTS = """
    select attempt, outcome, consumer, agent, taken_at, ended_at, head, error_type, message, traceback, frame
    from failed_attempt
    where log_id = %(log_id)s and subscription_id = %(number)s and position = %(position)s order by attempt"""
IN_ORDER = """
    select name from subscription
    where log_id = %(log_id)s and name = any (%(subscriptions)s) order by id"""
DECIDE = """
    select %(subscription)s, letter_position, is_decided, letter_state
    from decide_letters(%(log_id)s, %(subscription)s, %(stream_prefix)s, %(positions)s::bigint[], %(decision)s, %(by)s,
        %(to)s, %(note)s)"""
# Subscriptions are joined to the groups, not to the letters.
_NAMED = "join subscription s on s.log_id = %(log_id)s and s.id = g.subscription_id"
FAULTS = f"""
    with g as materialized (
        select l.subscription_id, l.fault, l.error_type, l.plain_message, l.frame, count(*) as letters,
            count(distinct l.key) as keys, count(d.position) as held, coalesce(sum(d.waiting), 0)::bigint as waiting,
            count(*) filter (where l.state = 'escalated') as escalated,
            count(*) filter (where l.state = 'retrying') as retrying,
            min(l.position) as first, max(l.position) as last, min(l.died_at) as first_at, max(l.died_at) as last_at
        from dead_letter l {_DELIVERY}
        where {_SELECTED}
        group by l.subscription_id, l.fault, l.error_type, l.plain_message, l.frame
    )
    select s.name, g.fault, g.error_type, g.plain_message, g.frame, g.letters, g.keys, g.held, g.waiting, g.escalated,
        g.retrying, g.first, g.last, g.first_at, g.last_at
    from g {_NAMED}
    order by g.letters desc, s.name, g.fault"""
DEATHS = f"""
    with g as materialized (
        select l.subscription_id, l.fault,
            least(23, floor(extract(epoch from now() - l.died_at) / 3600))::int as hours_ago,
            count(*) as letters
        from dead_letter l
        where {_SELECTED} and l.died_at > now() - interval '1 day'
        group by 1, 2, 3
    )
    select s.name, g.fault, g.hours_ago, g.letters from g {_NAMED} order by 1, 2, 3"""
COUNTS = f"""
    select count(*), count(distinct (l.subscription_id, l.key)) filter (where l.key is not null)
        + count(*) filter (where l.key is null)
    from dead_letter l
    where {_SELECTED}"""
