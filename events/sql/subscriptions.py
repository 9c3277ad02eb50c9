"""The statements of subscriptions."""

from __future__ import annotations

JOIN_PLACE = """
    join lateral (
        select * from subscription_place p
        where p.log_id = s.log_id and p.subscription_id = s.id order by p.turn desc limit 1
    ) p on true"""
# A delivery whose deadline has passed is in flight no more: it counts as retrying until a server has ended it.
IS_IN_FLIGHT = "state = 1 and due > statement_timestamp()"
IS_OVERDUE = "state = 1 and due <= statement_timestamp()"
STATE_NOW = "case when d.state = 1 and d.due <= statement_timestamp() then 2 else d.state end"
SERVE = "select * from serve_subscription(" + ", ".join(["%s"] * 13) + ")"
READ_TO = """
    select p.read_to, h.head, (select coalesce(max(marker_position), 0) from redaction where log_id = %(log_id)s)
    from subscription_place p join log_head h using (log_id)
    where p.log_id = %(log_id)s and p.subscription_id = %(number)s order by p.turn desc limit 1"""
END_OF_LOG = """
    select head, (select coalesce(max(marker_position), 0) from redaction where log_id = %(log_id)s)
    from log_head where log_id = %(log_id)s"""
EVENTS_AT = """
    select {columns} from event
    where log_id = %(log_id)s and position = any (string_to_array(%(positions)s, ',')::bigint[])"""
SUBSCRIPTION = """
    select log_id, id, name, version, generation, query, order_by, with_system_events, stream_prefix
    from subscription where log_id = %(log_id)s and name = %(name)s"""
# Whatever the statistics are, the index of deadlines decides which subscriptions have a delivery that is overdue.
BY_INDEX = """
    select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('enable_sort', 'off', true)"""
OVERDUE = f"""
    select s.log_id, s.id from subscription s {JOIN_PLACE} join lateral (
        select d.due from delivery d
        where d.log_id = s.log_id and d.subscription_id = s.id and d.state = 1
            and d.due >= coalesce(p.due_from, '-infinity')
        order by d.due limit 1
    ) d on d.due <= clock_timestamp()
    where p.due_from is null or p.due_from <= clock_timestamp()"""
# Nothing is settled and nobody takes. Who holds the subscription's row now, ends what is overdue.
END_OVERDUE = """
    with s as materialized (
        select log_id, id, version from subscription
        where log_id = %(log_id)s and id = %(number)s for update skip locked
    )
    select v.has_ready from s cross join lateral serve_subscription(
        s.log_id, s.id, s.version, '', '', '', '', null, null, 0, 0, '', '') v"""
LOGS_WITH_SERVER_EVENTS = "select distinct log_id from server_event order by log_id"
SERVER_EVENTS = """
    select s.id, s.subject, s.type, s.facts::text, s.by, e.id, e.correlation_id
    from server_event s left join event e on e.log_id = s.log_id and e.position = s.about
    where s.log_id = %(log_id)s and s.id <> all (string_to_array(%(refused)s, e'\x1f'))
    order by s.due_at, s.id limit %(limit)s"""
FORGET_SERVER_EVENTS = """
    delete from server_event where log_id = %(log_id)s and id = any (string_to_array(%(ids)s, e'\x1f'))"""
_SETTINGS = (
    *("query", "order_by", "ack_deadline", "max_attempts", "backoff", "max_in_flight", "max_in_flight_per_consumer"),
    *("passes_dead_letters", "projection", "with_system_events", "breaker"),
)
_VALUES = ", ".join(f"%({name})s" for name in _SETTINGS)
MAKE = f"""
    with made as (
        insert into subscription (log_id, name, stream_prefix, start, {", ".join(_SETTINGS)})
        select %(log_id)s, %(name)s, %(stream_prefix)s, s.start, {_VALUES}
        from (select case %(start)s when -1 then head else %(start)s end as start
              from log_head where log_id = %(log_id)s and %(start)s <= head) s
        on conflict (log_id, name) do nothing
        returning log_id, id, start
    )
    insert into subscription_place (log_id, subscription_id, read_to) select log_id, id, start from made
    returning subscription_id"""
IS_AFTER_HEAD = "select true from log_head where log_id = %(log_id)s and head < %(start)s"
STORED = f"""
    select id, stream_prefix, start, {", ".join(_SETTINGS)} from subscription
    where log_id = %(log_id)s and name = %(name)s for update"""
CHANGE = f"""
    update subscription set version = version + 1, {", ".join(f"{name} = %({name})s" for name in _SETTINGS)}
    where log_id = %(log_id)s and name = %(name)s returning id, version, (
        select p.read_to from subscription_place p
        where p.log_id = subscription.log_id and p.subscription_id = subscription.id order by p.turn desc limit 1)"""
# An append holds this lock while it settles deliveries. It is taken after that of the subscription, and before others.
LOCK_LOG = "select from log_head where log_id = %(log_id)s for update"
PAUSE = """
    update subscription set version = version + 1, is_paused = %(is_paused)s, pause_reason = %(reason)s
    where log_id = %(log_id)s and id = %(number)s returning version"""
UNSETTLED_AFTER = f"""
    select u.events + (
            select count(*) from waiting_event w
            where w.log_id = %(log_id)s and w.subscription_id = %(number)s and w.position > %(after)s),
        u.in_flight, (
            select count(*) from dead_letter l
            where l.log_id = %(log_id)s and l.subscription_id = %(number)s and l.position > %(after)s
                and l.state in ('open', 'escalated', 'retrying'))
    from (
        select count(*) as events, count(*) filter (where {IS_IN_FLIGHT}) as in_flight from delivery
        where log_id = %(log_id)s and subscription_id = %(number)s and position > %(after)s
    ) u"""
REWIND = "select * from rewind_subscription(%(log_id)s, %(number)s, %(position)s, %(after)s)"
LOCK = "select from subscription where log_id = %(log_id)s and name = %(name)s for update"
# If it is locked, then by another statement before: this one must see what the lock's last holder has changed.
PLACE = f"""
    select s.id, s.stream_prefix, p.read_to, s.is_paused,
        (select head from log_head h where h.log_id = s.log_id), s.generation
    from subscription s {JOIN_PLACE} where s.log_id = %(log_id)s and s.name = %(name)s"""
FORGET_BREAKERS = "delete from breaker where log_id = %(log_id)s and subscription_id = %(number)s"
FORGET_LETTERS = "delete from dead_letter where log_id = %(log_id)s and subscription_id = %(number)s"
DELETE = """
    with place as (
        delete from subscription_place where log_id = %(log_id)s and subscription_id = %(number)s
    )
    delete from subscription where log_id = %(log_id)s and id = %(number)s"""
ANNOUNCE = """
    insert into server_event (log_id, id, subject, type, facts, by)
    values (%(log_id)s, %(id)s, %(subject)s, %(type)s, %(facts)s, %(by)s)"""
STATUS = f"""
    select s.id, s.name, s.stream_prefix, s.start, s.generation, s.is_paused, s.pause_reason, p.without_key, p.read_to,
        h.head, coalesce(d.lowest - 1, p.read_to), coalesce(d.ready, 0), coalesce(d.in_flight, 0),
        coalesce(d.retrying, 0), coalesce(d.waiting, 0), coalesce(d.held, 0), coalesce(d.paused, 0),
        e.recorded_at, extract(epoch from clock_timestamp() - e.recorded_at)::float,
        {", ".join(f"s.{name}" for name in _SETTINGS)}
    from subscription s join log_head h using (log_id) {JOIN_PLACE}
    left join lateral (
        select min(case when has_earlier then least(position, (
                select w.position from waiting_event w
                where w.log_id = s.log_id and w.subscription_id = s.id and w.chain = delivery.chain
                order by w.position limit 1)) else position end) as lowest,
            count(*) filter (where state = 0) as ready,
            count(*) filter (where {IS_IN_FLIGHT}) as in_flight,
            count(*) filter (where state = 2 or {IS_OVERDUE}) as retrying, sum(waiting)::bigint as waiting,
            count(*) filter (where state = 3) as held, count(*) filter (where state = 4) as paused
        from delivery where log_id = s.log_id and subscription_id = s.id and position > p.lowest
    ) d on true
    left join lateral (
        select recorded_at from event where log_id = s.log_id and position = d.lowest limit 1
    ) e on true
    where s.log_id = %(log_id)s and (%(name)s::text is null or s.name = %(name)s)
    order by s.name"""
