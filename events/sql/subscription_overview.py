"""The statements of the pages of subscriptions. Each reads all subscriptions of a log, or one of them by its number."""

from __future__ import annotations

from events.sql import IS_REDACTED, SHOWN_KEY
from events.sql.subscriptions import IS_IN_FLIGHT, IS_OVERDUE, JOIN_PLACE, STATE_NOW

_KEY = SHOWN_KEY.format(row="d")
_IS_REDACTED = IS_REDACTED.format(row="d")

NOTE_LAGS = f"""
    with forgotten as (
        delete from subscription_lag where minute < date_trunc('minute', clock_timestamp()) - interval '30 minutes'
    )
    insert into subscription_lag (log_id, subscription_id, minute, behind)
    select s.log_id, s.id, date_trunc('minute', clock_timestamp()), h.head - p.read_to
    from subscription s join log_head h using (log_id) {JOIN_PLACE}
    on conflict do nothing"""
LAGS = """
    select subscription_id, minute, behind from subscription_lag
    where log_id = %(log_id)s and minute >= date_trunc('minute', clock_timestamp()) - interval '30 minutes'
        and (%(number)s::int is null or subscription_id = %(number)s)
    order by subscription_id, minute"""
# The keys for which events wait, and who has held a delivery for the longest time.
HOLDINGS = f"""
    select subscription_id, count(*) filter (where waiting > 0) as keys_waiting,
        (array_agg(consumer order by taken_at, position) filter (where {IS_IN_FLIGHT}))[1] as oldest_consumer,
        min(taken_at) filter (where {IS_IN_FLIGHT}) as oldest_taken_at
    from delivery
    where log_id = %(log_id)s and (%(number)s::int is null or subscription_id = %(number)s)
    group by subscription_id"""
READ_AT = f"""
    select s.id, e.recorded_at
    from subscription s {JOIN_PLACE} join event e on e.log_id = s.log_id and e.position = p.read_to
    where s.log_id = %(log_id)s and (%(number)s::int is null or s.id = %(number)s)"""
LETTERS = """
    select subscription_id, count(*) filter (where holds) as holding, count(*) filter (where not holds) as passed
    from dead_letter
    where log_id = %(log_id)s and state in ('open', 'escalated', 'retrying')
        and (%(number)s::int is null or subscription_id = %(number)s)
    group by subscription_id"""
# The marks of the lanes, at their distance from the head. Of those that would be drawn at one place there is one, so a
# lane has some two hundred marks at most, whatever a subscription holds.
MARKS = f"""
    select subscription_id, is_letter, min(position), count(*) from (
        select subscription_id, position, false as is_letter from delivery
        where log_id = %(log_id)s and {IS_IN_FLIGHT}
        union all
        select subscription_id, position, true from dead_letter
        where log_id = %(log_id)s and state in ('open', 'escalated', 'retrying')
    ) as mark
    where subscription_id = any (%(numbers)s)
    group by subscription_id, is_letter, floor(ln(greatest(%(head)s - position, 0) + 1) * 10)
    order by subscription_id, is_letter, min(position)"""
# What is in flight, held for the longest time first.
IN_FLIGHT = f"""
    select d.position, e.type, {_KEY}, d.consumer, d.agent, d.attempt, d.taken_at, d.due, d.token,
        extract(epoch from clock_timestamp() - d.taken_at)::float, {_IS_REDACTED}
    from (
        select * from delivery
        where log_id = %(log_id)s and subscription_id = %(number)s and {IS_IN_FLIGHT}
            and (%(consumer)s::text is null or consumer = %(consumer)s)
            and (%(position)s::bigint is null or position = %(position)s)
        order by taken_at, position limit %(limit)s
    ) as d join event e using (log_id, position)
    order by d.taken_at, d.position"""
# The first event of each key for which others wait, or that waits itself; the keys with most waiting events first.
WAITING_KEYS = f"""
    select {_KEY}, {STATE_NOW}, d.position, e.type, d.waiting, d.consumer, d.attempt, d.due,
        case when d.state <> 1 then a.ended_at when {STATE_NOW} = 1 then d.taken_at else d.due end, a.error_type,
        a.outcome, {_IS_REDACTED}
    from (
        select * from delivery
        where log_id = %(log_id)s and subscription_id = %(number)s
            and (state in (2, 3, 4) or {IS_OVERDUE} or waiting > 0)
        order by waiting desc, position limit %(limit)s
    ) as d join event e using (log_id, position)
    left join lateral (
        select ended_at, error_type, outcome from failed_attempt
        where log_id = d.log_id and subscription_id = d.subscription_id and position = d.position
        order by attempt desc limit 1
    ) as a on true
    order by d.waiting desc, d.position"""
HOLDERS = f"""
    select consumer, count(*), min(taken_at), max(taken_at) from delivery
    where log_id = %(log_id)s and subscription_id = %(number)s and {IS_IN_FLIGHT}
        and (%(after)s::bigint is null or position > %(after)s)
    group by consumer order by min(taken_at), consumer limit %(limit)s"""
# The locks are taken in the order in which settlements take them.
LOCK_HELD = f"""
    select position, consumer, agent, taken_at, token from delivery
    where log_id = %(log_id)s and subscription_id = %(number)s and {IS_IN_FLIGHT}
        and (%(consumer)s::text is null or consumer = %(consumer)s)
        and (%(position)s::bigint is null or position = %(position)s)
        and (%(token)s::uuid is null or token = %(token)s)
    order by position for update"""
TAKE_BACK = """
    update delivery set state = 0, attempt = attempt - 1, due = null, token = null
    where log_id = %(log_id)s and subscription_id = %(number)s and position = any (%(positions)s)"""
