-- What the log knows of a flush: the position of its last rule, versions of its streams, its ids, its keys. One statement,
-- so one snapshot: a version never looks older or newer than the ids beside it. Lists are texts joined by U+001F. Names
-- and ids are asked for as in append_events.sql, and nothing is compiled, for the reasons given there.
--
-- A key has the ids, types, salts and digests of its events: when one of them was redacted, the key has no fingerprint.
create or replace function look_up(p_log int, p_names text, p_ids text, p_keys text)
returns table (
    kind text, name text, "position" bigint, version bigint, stream text, type text, salt bytea, digest bytea,
    ids text[], types text[], salts bytea[], digests bytea[]
)
language sql stable
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan set jit = off
as $$
    select 'rules', null, h.rules_at, null::bigint, null, null, null::bytea, null::bytea,
        null::text[], null::text[], null::bytea[], null::bytea[]
    from log_head h where h.log_id = p_log
    union all
    select 'stream', n.name, null, e.version, null, null, null, null, null, null, null, null
    from unnest(string_to_array(p_names, e'\x1f')) n(name)
    join lateral (
        select e.version from event e where e.log_id = p_log and e.stream = n.name order by e.version desc limit 1
    ) e on true
    union all
    select 'event', e.id, e.position, e.version, e.stream, e.type, e.salt, e.digest, null, null, null, null
    from unnest(string_to_array(p_ids, e'\x1f')) i(id)
    join lateral (select * from event e where e.log_id = p_log and e.id >= i.id order by e.id limit 1) e
        on e.id = i.id
    union all
    select 'key', k.key, k.first_position, f.version, f.stream, null, k.salt, k.fingerprint,
        e.ids, e.types, e.salts, e.digests
    from append_key k
    join event f on f.log_id = k.log_id and f.position = k.first_position
    cross join lateral (
        select array_agg(e.id) ids, array_agg(e.type) types, array_agg(e.salt) salts, array_agg(e.digest) digests
        from (
            select e.id, e.type, e.salt, e.digest from event e
            where e.log_id = p_log and e.position between k.first_position and k.last_position order by e.position
        ) e
    ) e
    where k.log_id = p_log and k.key = any (string_to_array(p_keys, e'\x1f'))
$$;
