"""The statements of what comes over OpenTelemetry.

Whoever changes rows of `otel_trace` locks them in the order of their ids, so that nobody waits in a circle.
"""

from __future__ import annotations

HOLD = "select hold_exports(" + ", ".join(["%s"] * 14) + ")"
HELD_BYTES = """
    select coalesce(sum(held_bytes), 0)::bigint from otel_trace where log_id = %(log_id)s and due_at is not null"""

# What is due.
DUE_LOGS = """
    select id from log where exists (select 1 from otel_trace where log_id = log.id and due_at <= now()) order by id"""
LOCK = "select pg_try_advisory_lock(%(part)s, %(log_id)s)"
UNLOCK = "select pg_advisory_unlock(%(part)s, %(log_id)s)"
DUE = """
    select trace_id, attempts from otel_trace where log_id = %(log_id)s and due_at <= now()
    order by due_at, trace_id limit %(most)s"""
# The traces of the runs to which some traces belong, by their links; at most so many. A link has two rows, one for each
# trace, so a trace with more links than are looked at is found by those that it is tied to.
TIED = """
    with recursive run (trace_id) as (
        select * from unnest(%(traces)s::uuid[])
        union
        select other_id from run cross join lateral (
            select other_id from otel_link l where l.log_id = %(log_id)s and l.trace_id = run.trace_id
            order by other_id limit %(most_links)s
        ) as l
    )
    select trace_id from run limit %(most)s"""
LINKS = """
    select w.trace_id, other_id from unnest(%(traces)s::uuid[]) as w (trace_id) cross join lateral (
        select other_id from otel_link l where l.log_id = %(log_id)s and l.trace_id = w.trace_id
        order by other_id limit %(most_links)s
    ) as l"""
TRACES = """
    select trace_id, due_at, due_at <= now() or waits_since is not null, held_bytes, kept_bytes, pieces, mapped,
        coalesce(waits_since <= now() - make_interval(secs => %(silence)s), false)
    from otel_trace where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[])"""
NAMES = """
    select trace_id, stream, correlation_id from otel_run
    where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[]) order by named_at, trace_id"""
# The ids are looked up one by one, whatever the statistics are.
IDS_IN_LOG = """
    select i.id from unnest(%(ids)s::text[]) as i (id) cross join lateral (
        select id from event e where e.log_id = %(log_id)s and e.id >= i.id order by e.id limit 1
    ) as e where e.id = i.id"""
POSTPONE = """
    with locked as (
        select trace_id from otel_trace
        where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[]) and due_at <= now()
        order by trace_id for update
    )
    update otel_trace t set
        waits_since = coalesce(waits_since, now()),
        due_at = least(%(until)s, coalesce(waits_since, now()) + make_interval(secs => %(silence)s))
    from locked where t.log_id = %(log_id)s and t.trace_id = locked.trace_id"""
# A worker that dies of a trace leaves its number.
ATTEMPT = """
    with locked as (
        select trace_id from otel_trace where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[])
        order by trace_id for update
    )
    update otel_trace t set attempts = greatest(attempts + %(step)s, 0)
    from locked where t.log_id = %(log_id)s and t.trace_id = locked.trace_id"""
# `offset 0` has them looked up trace by trace, whatever the statistics are: else Postgres compared each with all ids.
_PIECES = """
    select p.trace_id, p.number, token_id, count, bytes, are_records, body from (
        select w.trace_id, p.number, sum(p.bytes) over (order by w.trace_id, p.number {order}) - p.bytes as before
        from unnest(%(traces)s::uuid[]) as w (trace_id) cross join lateral (
            select number, bytes from otel_piece p join otel_trace t using (log_id, trace_id)
            where log_id = %(log_id)s and trace_id = w.trace_id and number {side} mapped offset 0
        ) as p
    ) as n cross join lateral (
        select * from otel_piece p
        where p.log_id = %(log_id)s and p.trace_id = n.trace_id and p.number = n.number offset 0
    ) as p
    where before < %(most_bytes)s order by p.trace_id, p.number"""
HELD_PIECES = _PIECES.format(order="", side=">")
KEPT_PIECES = _PIECES.format(order="desc", side="<=")
# If there was more than a worker reads at once (up to piece `seen`), that is next. What came while the others were
# mapped waits again: for its logs, or for the root.
MAPPED = """
    with done as (
        select * from unnest(
            %(traces)s::uuid[], %(upto)s::int[], %(seen)s::int[], %(spans)s::int[], %(records)s::int[], %(bytes)s::int[]
        ) as d (trace_id, upto, seen, spans, records, bytes)
    ), locked as (
        select trace_id from otel_trace join done using (trace_id) where log_id = %(log_id)s
        order by trace_id for update of otel_trace
    )
    update otel_trace t set
        mapped = upto, attempts = 0, waits_since = null,
        held_spans = held_spans - spans, held_records = held_records - records, held_bytes = held_bytes - done.bytes,
        kept_bytes = kept_bytes + done.bytes,
        due_at = case when upto < seen then now() when upto < t.pieces then
            now() + make_interval(secs => case when t.has_root then %(settle)s else %(silence)s end) end
    from locked join done using (trace_id) where t.log_id = %(log_id)s and t.trace_id = locked.trace_id"""
NAME = """
    insert into otel_run (log_id, trace_id, named_at, stream, correlation_id)
    select %(log_id)s, trace_id, now(), stream, correlation_id
    from unnest(%(traces)s::uuid[], %(streams)s::text[], %(correlation_ids)s::text[])
        as n (trace_id, stream, correlation_id)
    order by trace_id on conflict do nothing"""
# A trace that is given up is mapped once more when more of it comes, or when somebody says so (MAP_AGAIN).
PARK = """
    with locked as (
        select trace_id from otel_trace where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[])
        order by trace_id for update
    )
    update otel_trace t set due_at = null, waits_since = null, attempts = 0
    from locked where t.log_id = %(log_id)s and t.trace_id = locked.trace_id"""
MAP_NOW = """
    with locked as (
        select trace_id from otel_trace
        where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[]) and pieces > mapped
        order by trace_id for update
    )
    update otel_trace t set due_at = now(), waits_since = to_timestamp(0), attempts = 0
    from locked where t.log_id = %(log_id)s and t.trace_id = locked.trace_id"""
# A trace of which nothing is held is mapped as if all that is kept of it had just come. The second statement reads what
# it changes under the lock that the first one takes.
LOCK_TRACES = """
    select from otel_trace where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[])
    order by trace_id for update"""
MAP_AGAIN = """
    with kept as (
        select trace_id, min(number) - 1 as before, sum(bytes) as bytes,
            coalesce(sum(count) filter (where not are_records), 0) as spans,
            coalesce(sum(count) filter (where are_records), 0) as records
        from otel_piece where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[]) group by trace_id
    ), failures as (
        delete from otel_failure where log_id = %(log_id)s and trace_id = any (%(traces)s::uuid[])
    )
    update otel_trace t set
        mapped = before, held_spans = spans, held_records = records, held_bytes = bytes, kept_bytes = 0,
        due_at = now(), waits_since = to_timestamp(0), attempts = 0
    from kept where t.log_id = %(log_id)s and t.trace_id = kept.trace_id and t.due_at is null"""
FAIL = """
    with added as (
        insert into otel_failure (log_id, trace_id, failed_at, stream, event_id, code, detail)
        select %(log_id)s, f.trace_id, now(), f.stream, f.event_id, f.code, f.detail
        from json_to_recordset(%(failures)s) as f (trace_id uuid, stream text, event_id text, code text, detail text)
    )
    delete from otel_failure where log_id = %(log_id)s and id <= (
        select id from otel_failure where log_id = %(log_id)s order by id desc offset %(most)s limit 1)"""
SEEN_CONTENT = """
    update otel_exporter set content_at = now()
    where log_id = %(log_id)s and token_id = any (%(tokens)s::bigint[])
        and coalesce(content_at < now() - interval '1 minute', true)"""

# What is no longer needed goes.
_FORGET = """
    with gone as (
        delete from otel_trace t using ({which}) as w
        where t.log_id = w.log_id and t.trace_id = w.trace_id and t.due_at is null and t.last_at = w.last_at
        returning t.log_id, t.trace_id
    ), pieces as (
        delete from otel_piece p using gone where p.log_id = gone.log_id and p.trace_id = gone.trace_id
    ), links as (
        delete from otel_link l using gone where l.log_id = gone.log_id and l.trace_id = gone.trace_id
    ), links_back as (  -- of traces that never came
        delete from otel_link b using gone join otel_link l using (log_id, trace_id)
        where b.log_id = gone.log_id and b.trace_id = l.other_id and b.other_id = gone.trace_id
            and not exists (select 1 from otel_trace t where t.log_id = b.log_id and t.trace_id = b.trace_id)
    )
    select count(*) from gone"""
# What failed may be mapped again, for a day, or for as long as context is kept.
_A_DAY = "greatest(interval '1 day', make_interval(secs => %(context)s))"
FORGET_OLD = _FORGET.format(
    which=f"""
        select log_id, trace_id, last_at from otel_trace t
        where due_at is null and (
            pieces = mapped and last_at < now() - make_interval(secs => %(context)s)
                and not exists (select 1 from otel_failure f where (f.log_id, f.trace_id) = (t.log_id, t.trace_id))
            or last_at < now() - {_A_DAY})
        order by log_id, trace_id limit %(most)s for update skip locked"""
)
FORGET_SURPLUS = _FORGET.format(
    which="""
        select log_id, trace_id, last_at from otel_trace where (log_id, trace_id) in (
            select log_id, trace_id from (
                select log_id, trace_id, sum(held_bytes + kept_bytes)
                    over (partition by log_id order by last_at desc, trace_id) as upto
                from otel_trace where due_at is null
            ) as t where upto > %(most_bytes)s
        ) limit %(most)s for update skip locked"""
)
# A trace may go on for hours, as of a worker that never ends: of what is mapped, the first pieces go. All that removes
# anything locks traces first, so that two workers never wait for each other.
_FORGET_PIECES = """
    with gone as (
        delete from otel_piece p using ({which}) as w
        where p.log_id = w.log_id and p.trace_id = w.trace_id and p.number = w.number
        returning p.log_id, p.trace_id, p.bytes
    ), sums as (
        select log_id, trace_id, sum(bytes) as bytes from gone group by 1, 2
    ), rest as (
        update otel_trace t set kept_bytes = kept_bytes - sums.bytes from sums
        where t.log_id = sums.log_id and t.trace_id = sums.trace_id
    )
    select count(*) from gone"""
FORGET_OLD_PIECES = _FORGET_PIECES.format(
    which="""
        select p.log_id, p.trace_id, p.number from otel_piece p join otel_trace t using (log_id, trace_id)
        where p.number <= t.mapped and p.received_at < now() - make_interval(secs => %(context)s)
            and not exists (select 1 from otel_failure f where (f.log_id, f.trace_id) = (p.log_id, p.trace_id))
        limit %(most)s for update of t skip locked"""
)
# Of the context of a trace a worker reads so many bytes, the newest: the other pieces are never read again.
FORGET_UNREAD_PIECES = _FORGET_PIECES.format(
    which="""
        select p.log_id, p.trace_id, p.number from (
            select p.log_id, p.trace_id, p.number, p.bytes,
                sum(p.bytes) over (partition by p.log_id, p.trace_id order by p.number desc) as upto
            from otel_piece p join otel_trace t using (log_id, trace_id)
            where t.kept_bytes > %(most_bytes)s and p.number <= t.mapped
        ) as p join otel_trace t using (log_id, trace_id) where upto - p.bytes >= %(most_bytes)s
        limit %(most)s for update of t skip locked"""
)
# The name of a run that goes on is kept, however long ago it was given.
FORGET_NAMES = f"""
    delete from otel_run r where named_at < now() - {_A_DAY}
        and not exists (
            select 1 from otel_trace t
            where (t.log_id, t.trace_id) = (r.log_id, r.trace_id) and t.last_at >= now() - {_A_DAY}
        )"""

# Who sends.
TOKENS_OF = "select log_id, id, hash from token where hash = any (%(hashes)s)"
NOTE_EXPORTS = """
    insert into otel_exporter as x (
        log_id, token_id, first_at, last_at, exports, compressed, bytes, spans, records, refused_spans,
        dropped_records, dropped_metrics, refusals, refused_at, refused_status, refused_reason, user_agent
    )
    select log_id, token_id, now() - make_interval(secs => first_age), now() - make_interval(secs => last_age),
        exports, compressed, bytes, spans, records, refused_spans, dropped_records, dropped_metrics,
        refusals, now() - make_interval(secs => refused_age), refused_status, refused_reason, user_agent
    from json_to_recordset(%(notes)s) as n (
        log_id int, token_id bigint, first_age float, last_age float, exports bigint, compressed bigint, bytes bigint,
        spans bigint, records bigint, refused_spans bigint, dropped_records bigint, dropped_metrics bigint,
        refusals bigint, refused_age float, refused_status int, refused_reason text, user_agent text
    ) order by log_id, token_id
    on conflict (log_id, token_id) do update set
        first_at = least(x.first_at, excluded.first_at),
        last_at = greatest(x.last_at, excluded.last_at),
        exports = x.exports + excluded.exports,
        compressed = x.compressed + excluded.compressed,
        bytes = x.bytes + excluded.bytes,
        spans = x.spans + excluded.spans,
        records = x.records + excluded.records,
        refused_spans = x.refused_spans + excluded.refused_spans,
        dropped_records = x.dropped_records + excluded.dropped_records,
        dropped_metrics = x.dropped_metrics + excluded.dropped_metrics,
        refusals = x.refusals + excluded.refusals,
        refused_at = coalesce(excluded.refused_at, x.refused_at),
        refused_status = coalesce(excluded.refused_status, x.refused_status),
        refused_reason = coalesce(excluded.refused_reason, x.refused_reason),
        user_agent = excluded.user_agent"""

# What pages show.
_HELD_COLUMNS = """
    t.trace_id, t.held_spans, t.held_records, t.held_bytes,
    greatest(extract(epoch from t.due_at - statement_timestamp()), 0)::float, t.has_root, t.waits_since is not null,
    r.stream, r.correlation_id"""
HELD_IN_LOG = f"""
    select {_HELD_COLUMNS} from otel_trace t left join otel_run r using (log_id, trace_id)
    where t.log_id = %(log_id)s and t.due_at is not null order by t.due_at, t.trace_id limit %(most)s"""
# Also the traces that links tie to those that have the name, as they have none before they are mapped.
HELD_OF_RUN = f"""
    with recursive run (trace_id) as (
        select trace_id from otel_run where log_id = %(log_id)s and {{column}} = %(name)s
        union
        select other_id from run join otel_link l on l.log_id = %(log_id)s and l.trace_id = run.trace_id
    )
    select {_HELD_COLUMNS} from (select * from run limit %(most)s) as run
    join otel_trace t on t.log_id = %(log_id)s and t.trace_id = run.trace_id
    left join otel_run r on r.log_id = t.log_id and r.trace_id = t.trace_id
    where t.due_at is not null order by t.due_at, t.trace_id"""
EXPORTERS = """
    select x.token_id, t.name, t.revoked_at is not null, user_agent, first_at, last_at, exports, compressed, bytes,
        spans, records, refused_spans, dropped_records, dropped_metrics, refusals,
        refused_at, refused_status, refused_reason, content_at
    from otel_exporter x join token t on t.id = x.token_id
    where x.log_id = %(log_id)s order by greatest(last_at, refused_at) desc nulls last, x.token_id"""
FAILURES = """
    select trace_id, failed_at, stream, event_id, code, detail, exists (
        select 1 from otel_piece p where (p.log_id, p.trace_id) = (f.log_id, f.trace_id)
    ) from otel_failure f where log_id = %(log_id)s order by id desc limit %(most)s"""
# Of the traces that came with a token last, within two seconds, the one with the most spans; with those of its run.
RUN_OF_TOKEN = """
    with recursive piece as materialized (
        select trace_id, count, are_records, received_at from otel_piece
        where log_id = %(log_id)s and token_id = %(token_id)s and received_at >= %(since)s
    ), run (trace_id) as (
        (
            select trace_id from piece
            where received_at >= (select max(received_at) from piece) - interval '2 seconds'
            group by trace_id order by sum(count) filter (where not are_records) desc nulls last, trace_id limit 1
        )
        union
        select other_id from run join otel_link l on l.log_id = %(log_id)s and l.trace_id = run.trace_id
    )
    select t.trace_id, t.pieces, t.mapped, t.due_at, t.held_spans, t.held_bytes + t.kept_bytes, t.has_root,
        r.stream, r.correlation_id
    from (select * from run limit %(most)s) as run
    join otel_trace t on t.log_id = %(log_id)s and t.trace_id = run.trace_id
    left join otel_run r on r.log_id = t.log_id and r.trace_id = t.trace_id
    order by t.trace_id"""
ALL_PIECES_OF = """
    select number > mapped, trace_id, number, token_id, count, bytes, are_records, body from (
        select p.*, t.mapped, sum(p.bytes) over (order by p.trace_id, p.number desc) as upto
        from otel_piece p join otel_trace t using (log_id, trace_id)
        where p.log_id = %(log_id)s and p.trace_id = any (%(traces)s::uuid[])
    ) as p where upto <= %(most_bytes)s order by trace_id, number"""
