"""The statements of the consumers of subscriptions."""

from __future__ import annotations

from events.sql.subscriptions import IS_IN_FLIGHT

# Rows that somebody uses at this moment are not forgotten: others lock several, in another order. The deliveries of two
# minutes are counted, from which the rate of the last sixty seconds is estimated.
NOTE_CONSUMERS = """
    with forgotten as (
        delete from subscription_consumer where ctid = any (array(
            select ctid from subscription_consumer where last_seen_at < clock_timestamp() - interval '1 day'
            for update skip locked))
    ), forgotten_breakers as (
        delete from breaker where ctid = any (array(
            select ctid from breaker where consumer <> '' and used_at < clock_timestamp() - interval '1 day'
            for update skip locked))
    )
    insert into subscription_consumer as c (
        log_id, subscription_id, name, agent, last_seen_at, minute, in_minute, in_minute_before)
    select n.log_id, n.number, n.name, n.agent, clock_timestamp() - make_interval(secs => n.age),
        date_trunc('minute', clock_timestamp()), n.deliveries, 0
    from json_to_recordset(%(notes)s) n(
        log_id int, number int, name text, agent text, age float, deliveries int)
    join subscription s on s.log_id = n.log_id and s.id = n.number
    order by n.log_id, n.number, n.name
    on conflict (log_id, subscription_id, name) do update set
        agent = coalesce(excluded.agent, c.agent),
        last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at),
        minute = excluded.minute,
        in_minute = excluded.in_minute + case when excluded.minute = c.minute then c.in_minute else 0 end,
        in_minute_before = case excluded.minute - c.minute
            when interval '0' then c.in_minute_before when interval '1 minute' then c.in_minute else 0 end"""
_MINUTE = """
    (select date_trunc('minute', now()) as this, 1 - extract(second from now()) / 60 as share) as t"""
_RATE = """
    case minute when t.this then in_minute + in_minute_before * t.share
                when t.this - interval '1 minute' then in_minute * t.share else 0 end"""
# Of each subscription of a log, or of one: who was seen in the last minute, and what they took together.
TAKERS = f"""
    select subscription_id, count(*) filter (where last_seen_at > now() - interval '1 minute'), max(last_seen_at),
        round(sum({_RATE}), 1)::float, (array_agg(name order by last_seen_at desc, name))[1:3]
    from subscription_consumer, {_MINUTE}
    where log_id = %(log_id)s and (%(number)s::int is null or subscription_id = %(number)s)
    group by subscription_id"""
CONSUMERS = f"""
    select coalesce(c.name, h.consumer), coalesce(c.agent, h.agent), c.last_seen_at, coalesce(h.in_flight, 0),
        h.oldest_taken_at, coalesce(c.rate, 0)
    from (
        select name, agent, last_seen_at, round({_RATE}, 1)::float as rate
        from subscription_consumer, {_MINUTE}
        where log_id = %(log_id)s and subscription_id = %(number)s
    ) as c
    full join (
        select consumer, max(agent) as agent, count(*) as in_flight, min(taken_at) as oldest_taken_at from delivery
        where log_id = %(log_id)s and subscription_id = %(number)s and {IS_IN_FLIGHT}
        group by consumer
    ) as h on h.consumer = c.name
    order by 1 limit %(limit)s"""
FORGET_CONSUMERS = "delete from subscription_consumer where log_id = %(log_id)s and subscription_id = %(number)s"
CIRCUITS = """
    select subscription_id, consumer, state, changed_at, until, length(replace(outcomes, '0', '')), length(outcomes),
        trial
    from breaker
    where log_id = %(log_id)s and (%(number)s::int is null or subscription_id = %(number)s)
        and (%(consumer)s::text is null or consumer = %(consumer)s)"""
