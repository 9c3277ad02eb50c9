-- What the log knows of a flush: versions of its streams, its ids, its keys. One statement, so one snapshot: a version
-- never looks older or newer than the ids beside it. Lists are texts joined by U+001F. Names and ids are
-- asked for as in append_events.sql, and nothing is compiled, for the reasons given there.
create or replace function look_up(p_log int, p_names text, p_ids text, p_keys text)
returns table (kind text, name text, "position" bigint, version bigint, stream text, digest bytea, ids text[])
language sql stable
set enable_seqscan = off set enable_sort = off set jit = off
as $$
    select 'stream', n.name, null::bigint, e.version, null, null::bytea, null::text[]
    from unnest(string_to_array(p_names, e'\x1f')) n(name)
    join lateral (
        select e.version from event e where e.log_id = p_log and e.stream = n.name order by e.version desc limit 1
    ) e on true
    union all
    select 'event', e.id, e.position, e.version, e.stream, e.digest, null
    from unnest(string_to_array(p_ids, e'\x1f')) i(id)
    join lateral (select * from event e where e.log_id = p_log and e.id >= i.id order by e.id limit 1) e
        on e.id = i.id
    union all
    select 'key', k.key, k.first_position, f.version, f.stream, k.fingerprint,
           array(select e.id from event e where e.log_id = p_log
                 and e.position between k.first_position and k.last_position order by e.position)
    from append_key k join event f on f.log_id = k.log_id and f.position = k.first_position
    where k.log_id = p_log and k.key = any (string_to_array(p_keys, e'\x1f'))
$$;
