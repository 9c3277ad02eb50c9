"""Every raw statement of this app.

A `.sql` file holds one object and is loaded by a migration; the calls stand below.
"""

from __future__ import annotations

from importlib.resources import files

from events.blocks import by_block
from events.system_streams import PREFIX


def load(name: str) -> str:
    """Return the text of `<name>.sql`."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _call(function: str, *arguments: str) -> str:
    """Return the SQL that calls one of our functions, each argument by its name."""
    return f"select * from {function}({', '.join(f'{name} => %({name})s' for name in arguments)})"


_EVENTS = (
    *("e_id", "e_type", "e_data", "e_metadata", "e_agent", "e_schema_version"),
    *("e_correlation_id", "e_causation_id", "e_occurred_at"),
    *("e_expected_version", "e_read_position", "e_salt", "e_digest", "e_tags"),
)
_KEYS = ("k_key", "k_salt", "k_fingerprint", "k_first", "k_last")

# The arguments are positional: with 26 named ones, psycopg takes half as long again to send them.
APPEND = "select * from append_events(" + ", ".join(["%s"] * 26) + ")"
LOOK_UP = _call("look_up", "p_log", "p_names", "p_ids", "p_keys")
RESTORE = _call("restore_events", "p_log", "p_first", "e_stream", "e_version", *_EVENTS, "e_recorded_at", *_KEYS)
REDACT = _call(
    "redact_event",
    *("p_log", "p_position", "p_reason", "p_by"),
    *("m_stream", "m_id", "m_data", "m_correlation_id", "m_causation_id", "m_salt", "m_digest"),
)
# An export from before there were salts has fingerprints of keys whose events were redacted.
FORGET_FINGERPRINTS = """
    update append_key k set salt = null, fingerprint = null from redaction r
    where k.log_id = %(log_id)s and r.log_id = k.log_id and r.position between k.first_position and k.last_position"""
NOTIFY = "select pg_notify('eventsite', hint) from unnest(string_to_array(%(hints)s, ',')) as hint"
LISTEN = "listen eventsite"
TOKEN = """
    select token.id, log_id, log.name, scopes, stream_prefix, agent, expires_at
    from token join log on log.id = log_id where hash = %(hash)s and revoked_at is null"""
TOKEN_USED = "update token set last_used_at = now() where id = %(token)s"
# Several processes may note what they take for the first event: the lowest position is.
TOKEN_BEGUN = """
    update token set first_position = %(position)s
    where id = %(token)s and (first_position is null or first_position > %(position)s)"""
HEAD = "select head from log_head where log_id = %(log_id)s"
RULES_AT = "select rules_at from log_head where log_id = %(log_id)s"
# Why, by whom and when stands in the event alone, so a redaction empties it.
PAUSES = """
    select p.kind, p.name, p.position, e.agent, e.data ->> 'reason', e.recorded_at
    from pause p join event e on e.log_id = p.log_id and e.position = p.position
    where p.log_id = %(log_id)s order by p.position desc"""
# A pause that has ended meanwhile needs no count.
NOTE_REFUSALS = """
    with forgotten as (
        delete from refused_appends r
        where not exists (select from pause p where p.log_id = r.log_id and p.position = r.position)
    )
    insert into refused_appends as r (log_id, position, appends, last_at)
    select log_id, p.position, n.appends, clock_timestamp() - make_interval(secs => n.age)
    from json_to_recordset(%(notes)s) n(log_id int, position bigint, appends bigint, age float)
    join pause p using (log_id, position)
    order by 1, 2
    on conflict (log_id, position) do update set
        appends = r.appends + excluded.appends, last_at = greatest(r.last_at, excluded.last_at)"""
REFUSALS = """
    select position, appends, last_at from refused_appends join pause using (log_id, position)
    where log_id = %(log_id)s"""
IS_PAUSED = _call("is_paused", "p_log", "p_agent", "p_workflow")
RESTORE_PAUSES = _call("restore_pauses", "p_log")
# The last events of some agents or workflows. Data of more than some kilobytes are not read, and taken for new.
LAST_ACTS = f"""
    select act.* from unnest(%(names)s::text[]) as n(name) cross join lateral (
        select position, agent, correlation_id, stream, type,
            case when pg_column_size(data) > 8192 then position::text
                 when octet_length(data::text) <= 32 then data::text
                 else md5(data::text) end,
            coalesce(occurred_at, recorded_at)
        from event where log_id = %(log_id)s and {{along}} = n.name and not starts_with(stream, '{PREFIX}')
        order by {by_block("position", "desc")} limit %(limit)s
    ) as act order by act.position"""
TOKEN_NAME = "select name from token where id = %(token)s"
# A lease as it stands, and the position of an event that may have granted it.
LEASE = """
    select l.token, l.holder, l.expires_at, l.expires_at > clock_timestamp(),
        (select position from event where log_id = %(log_id)s and id = %(grant_id)s)
    from (select) as one left join lease l on l.log_id = %(log_id)s and l.kind = %(kind)s and l.name = %(name)s"""
# The clock is read after the row is locked: the lock may have to be waited for.
_LEASE_CHANGE = """
    with l as materialized (
        select * from lease where log_id = %(log_id)s and kind = %(kind)s and name = %(name)s for update
    ),
    changed as (
        {change}
        where lease.log_id = l.log_id and lease.kind = l.kind and lease.name = l.name and l.token = %(token)s
            and l.expires_at > clock_timestamp() and l.holder = coalesce(%(agent)s, l.holder)
        returning {result} as result
    )
    select l.token, l.holder, l.expires_at, l.expires_at > clock_timestamp(), changed.result
    from (select) as one left join l on true left join changed on true"""
LEASE_DEMANDS = "select workflows, streams, types from lease_demands where log_id = %(log_id)s"
RENEW_LEASE = _LEASE_CHANGE.format(
    change="update lease set expires_at = clock_timestamp() + make_interval(secs => %(ttl)s) from l",
    result="lease.expires_at",
)
RELEASE_LEASE = _LEASE_CHANGE.format(change="delete from lease using l", result="clock_timestamp()")
# Leases that ran out stay until the next grant. `now()`, unlike the clock, lets the index of `expires_at` skip them.
HELD_LEASES = """
    select kind, name, token, holder, expires_at from lease
    where log_id = %(log_id)s and expires_at > now() and token < %(before)s
        and (%(holder)s::text is null or holder = %(holder)s)
    order by token desc limit %(limit)s"""
HEADS = """
    select head, coalesce((
        select version from event where log_id = %(log_id)s and stream = %(name)s order by version desc limit 1), 0)
    from log_head where log_id = %(log_id)s"""
IS_REDACTED = "exists (select from redaction r where r.log_id = {row}.log_id and r.position = {row}.position)"
# The key of a row of an event in a subscription. If it is a value of data that was redacted, it serves the order alone.
SHOWN_KEY = """
    case when not exists (
        select from redaction r join subscription o using (log_id)
        where r.log_id = {row}.log_id and r.position = {row}.position and o.id = {row}.subscription_id
            and starts_with(o.order_by, '/')
    ) then {row}.key end"""
NOT_SYSTEM = f"not starts_with(stream, '{PREFIX}')"
EVENT = "select {columns} from event where log_id = %(log_id)s and position = %(position)s"
SNAPSHOT = "set transaction isolation level repeatable read, read only"
# The texts of an event in which a text is searched, joined and then folded (only A to Z). `||` takes three quarters of
# the time of concat_ws(). No name and no JSON contains the character between them.
BETWEEN = "\x1f"
_TEXTS = (
    *("type", "stream", "id", "coalesce(agent, '')", "coalesce(correlation_id, '')", "coalesce(causation_id, '')"),
    *("data::text", "metadata::text", rf"coalesce(array_to_string(tags, E'\x{ord(BETWEEN):x}'), '')"),
)
FOLDED_TEXT = "lower((" + rf" || E'\x{ord(BETWEEN):x}' || ".join(_TEXTS) + ') collate "C")'
IN_STRINGS = " or ".join(f"({name}::text like %s and {name}::jsonb @? %s::jsonpath)" for name in ("data", "metadata"))
TAG_LIKE = "exists (select from unnest(tags) each(tag) where each.tag like %s)"
# The parameters of these five are positional, as the condition of a search is Django's.
# The settings are sent as one text with the search, so they hold for it alone. JIT is off: most plans take longer to
# compile than to run, and the long ones are cancelled here anyway.
# Without a full sort, the events of a name are sorted block by block. Postgres would sort them all as long as it has no
# statistics.
SET_SLICE = """
    select set_config('statement_timeout', %s, true), set_config('jit', 'off', true),
        set_config('enable_sort', %s, true);"""
SLICE = """
    select {columns} from event where log_id = %s and {bounds} and ({condition}) order by {order} limit %s"""
_TAGGED = "select {what} from event_tag where log_id = %s and tag in ({{tags}}) and position between %s and %s"
TAGGED = f"position in ({_TAGGED.format(what='position')})"
# The first events with a tag. Whatever the statistics are, the planner can only look up these positions.
FIRST_TAGGED = (
    f"position = any (array({_TAGGED.format(what='distinct position')} order by position {{order}} limit %s))"
)
READ_ON = "select {columns} from event where log_id = %s and position > %s and position <= %s order by position"
# The first events of a statement, in its order, up to a number of bytes of data and metadata: the event that passes the
# number is the last. Only the database knows the size of an event before it is read.
BOUNDED = """
    select {columns} from (
        select *, sum(octet_length(data::text) + octet_length(metadata::text)) over (
            order by {along} {order} rows between unbounded preceding and 1 preceding) as before
        from ({events}) as event
    ) as event
    where coalesce(before, 0) < %s order by {along} {order}"""
# VACUUM leaves the empty pages at the end, as it would lock the table to cut them off. ANALYZE makes the planner's
# statistics anew, which hold samples of salts and digests, and of data if there is an index of it.
VACUUM = "vacuum (truncate off, analyze) event, append_key, failed_attempt, dead_letter"
# `data` is json: its values are compared as jsonb (docs/decisions/0003). Queries for equal values use this index, with
# paths of any depth.
CREATE_DATA_INDEX = "create index concurrently event_data on event using gin ((data::jsonb) jsonb_path_ops)"
DROP_DATA_INDEX = "drop index concurrently if exists event_data"
# The parameters are positional, as this is a part of a query of Django's. The planner can't skip to the next distinct
# value, so each step of the recursion looks up the next name in the index, until the limit.
_NAMES_SEEN = """unnest(array(
    with recursive seen(name) as (
        (select {0} from {1} where log_id = %s and {0} >= %s order by {0} limit 1)
        union all
        select (select {0} from {1} where log_id = %s and {0} > seen.name order by {0} limit 1)
        from seen where starts_with(seen.name, %s)
    )
    select name from seen where starts_with(name, %s) limit %s))"""
NAMES_SEEN = {
    name: _NAMES_SEEN.format(name, table)
    for name, table in (("type", "event"), ("agent", "event"), ("tag", "event_tag"))
}
