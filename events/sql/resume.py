"""The statements that tell a restarted agent where a workflow stands."""

from __future__ import annotations

from events.blocks import by_block
from events.sql import HELD_LEASES, NOT_SYSTEM, PAUSES, SHOWN_KEY
from events.sql.subscriptions import JOIN_PLACE, STATE_NOW

LEASES_OF = HELD_LEASES.replace(
    "(%(holder)s::text is null or holder = %(holder)s)",
    "(holder = %(holder)s or kind = 'workflow' and name = %(workflow)s)",
)
PAUSES_OF = PAUSES.replace(
    "order by", "and (p.kind, p.name) in (('agent', %(agent)s), ('workflow', %(workflow)s)) order by"
)
# The last event of an agent among the newest events of a workflow; without an agent, the workflow's last event.
LAST_EVENT = f"""
    select {{columns}} from (
        select * from event where log_id = %(log_id)s and correlation_id = %(workflow)s and {NOT_SYSTEM}
        order by {by_block("position", "desc")} limit %(most)s
    ) as event
    where %(agent)s::text is null or agent = %(agent)s order by position desc limit 1"""
# The last effects of each of some events. Postgres expects few, and would read and sort all of them.
BLOCK_BY_BLOCK = "select set_config('enable_sort', 'off', true)"
EFFECTS = f"""
    select effect.* from unnest(%(ids)s::text[]) as cause(id) cross join lateral (
        select causation_id, position, stream, type, agent from event
        where log_id = %(log_id)s and causation_id = cause.id
        order by {by_block("position", "desc")} limit %(most)s
    ) as effect order by position"""
# The first rows of a statement, up to a number of bytes of data and metadata: the event that passes it is the last.
_WITHIN = """
    select {columns} from (
        select *, sum(octet_length(data::text) + octet_length(metadata::text)) over (
            order by {order} rows between unbounded preceding and 1 preceding) as before
        from ({events}) as event
    ) as event
    where coalesce(before, 0) < %(room)s order by {order}"""
EVENTS_AT = _WITHIN.format(
    columns="{columns}",
    order="position",
    events="select * from event where log_id = %(log_id)s and position = any (%(positions)s)",
)
_OF_SUBSCRIPTION = "d.log_id = s.log_id and d.subscription_id = s.id"
_PARTS = (
    f"{_OF_SUBSCRIPTION} and s.order_by = 'workflow' and d.key = %(workflow)s",
    f"{_OF_SUBSCRIPTION} and d.state in (1, 2) order by d.due limit %(most)s",
    f"{_OF_SUBSCRIPTION} and d.state in (0, 3, 4) order by d.position limit %(most)s",
)
# The newest events of a workflow, among which those are looked for that wait.
_NEWEST = f"""
    from event where log_id = %(log_id)s and correlation_id = %(workflow)s order by {by_block("position", "desc")}"""
# The events of a workflow that wait for one of another workflow: the keys of their stream or agent are known here. Two
# bounds and an order instead of an equality leave no choice but the index of keys.
_WAITING = f"""
    select s.id, s.generation, s.name, s.stream_prefix, d.key, 0, null::smallint, null::timestamptz, null::uuid,
        null::text, null::text, 0::bigint, e.*
    from subscription s {JOIN_PLACE} cross join (select * {_NEWEST} limit %(most)s) as e cross join lateral (
        select d.key, d.chain, d.position from delivery d, (
            select case s.order_by when 'stream' then e.stream else e.agent end as key offset 0
        ) as k
        where {_OF_SUBSCRIPTION} and d.key >= k.key and d.key <= k.key order by d.key limit 1
    ) as d cross join lateral (
        select from waiting_event w
        where w.log_id = s.log_id and w.subscription_id = s.id and w.chain = d.chain and w.position = e.position limit 1
    ) as w cross join lateral (
        select correlation_id from event f where f.log_id = s.log_id and f.position = d.position limit 1
    ) as f
    where s.log_id = %(log_id)s and s.order_by in ('stream', 'agent') and e.position > p.lowest
        and e.position <= p.read_to and f.correlation_id is distinct from %(workflow)s"""
# The first unsettled events of keys: those that an agent has taken, and those of a workflow; and the workflow's events
# that wait behind those of another one. In each subscription some rows of each state are looked at; `IS_LOOKED_THROUGH`
# tells whether these are all. The columns of `event` come last. `offset 0` keeps Postgres from reading the whole log
# instead: it expects three deliveries.
OPEN_DELIVERIES = _WITHIN.format(
    columns="subscription_id, generation, name, stream_prefix, key, attempt, state, due, token, consumer, taker,"
    " waiting, {columns}",
    order="position, subscription_id",
    events=f"""
        (select d.subscription_id, s.generation, s.name, s.stream_prefix, {SHOWN_KEY.format(row="d")} as key, d.attempt,
            {STATE_NOW} as state, d.due, d.token, d.consumer, d.agent as taker, d.waiting, e.*
        from subscription s cross join lateral (
            {" union ".join(f"(select d.* from delivery d where {part})" for part in _PARTS)}
        ) as d cross join lateral (
            select * from event where log_id = s.log_id and position = d.position offset 0
        ) as e
        where s.log_id = %(log_id)s and (e.correlation_id = %(workflow)s or d.agent = %(agent)s)
        order by d.position, d.subscription_id limit %(limit)s)
        union all ({_WAITING} order by e.position, s.id limit %(limit)s)
        order by position, subscription_id limit %(limit)s""",
)
_HAS_MORE = " or ".join(
    f"exists (select from delivery d where {_OF_SUBSCRIPTION} and d.state in ({states}) offset %(most)s)"
    for states in ("1, 2", "0, 3, 4")
)
# With keys that are values of data, it is not known which events wait.
_MAY_WAIT = """
    exists (select from waiting_event w where w.log_id = s.log_id and w.subscription_id = s.id) and (
        (select min(position) from newest having count(*) > %(most)s) > p.lowest
        or starts_with(s.order_by, '/')
            and exists (select from newest where position > p.lowest and position <= p.read_to))"""
IS_LOOKED_THROUGH = f"""
    with newest as materialized (select position {_NEWEST} limit %(most)s + 1)
    select not exists (
        select from subscription s {JOIN_PLACE} where s.log_id = %(log_id)s and ({_HAS_MORE} or {_MAY_WAIT})
    )"""
