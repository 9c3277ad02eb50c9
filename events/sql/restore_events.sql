-- Puts exported events back as they were, at the end of a log whose head stands exactly before the first of them.
--
-- The caller has checked the content and the digests; this checks that positions, versions and times go on from what
-- the log holds, and raises if they don't. Lists are texts, and nothing is compiled, as in append_events().
create or replace function restore_events(
    p_log int, p_first bigint,
    e_stream text, e_version text, e_id text, e_type text, e_data text, e_metadata text, e_agent text,
    e_schema_version text, e_correlation_id text, e_causation_id text, e_occurred_at text, e_recorded_at text,
    e_expected_version text, e_read_position text, e_salt text, e_digest text, e_tags text,
    k_key text, k_salt text, k_fingerprint text, k_first text, k_last text
) returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    streams constant text[] := string_to_array(e_stream, e'\x1f');
    versions constant bigint[] := string_to_array(e_version, e'\x1f');
    times constant timestamptz[] := string_to_array(e_recorded_at, e'\x1f');
    v_head bigint;
    v_head_at timestamptz;
    v_wrong bigint;
begin
    select head, head_at into strict v_head, v_head_at from log_head where log_id = p_log for update;
    if v_head <> p_first - 1 then
        raise exception 'the log ends at %, so % can''t be restored next', v_head, p_first
            using errcode = 'integrity_constraint_violation';
    end if;

    select min(c.ord) into v_wrong
    from (
        select e.ord, e.version, e.at,
            coalesce(s.version, 0) + row_number() over (partition by e.stream order by e.ord) as next_version,
            coalesce(lag(e.at) over (order by e.ord), v_head_at, e.at) as last_at
        from unnest(streams, versions, times) with ordinality e(stream, version, at, ord)
        left join lateral (
            select k.version from event k where k.log_id = p_log and k.stream = e.stream order by k.version desc limit 1
        ) s on true
    ) c
    where c.version <> c.next_version or c.at < c.last_at;
    if v_wrong is not null then
        raise exception 'the event at % does not follow: its version leaves a gap, or its time goes back', v_head + v_wrong
            using errcode = 'integrity_constraint_violation';
    end if;

    insert into event (
        log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
        correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, salt, digest, tags)
    select p_log, v_head + e.ord, e.stream, e.version,
        e.id, e.type, e.data, e.metadata, e.agent, e.schema_version,
        e.correlation_id, e.causation_id, e.occurred_at, e.recorded_at, e.expected_version, e.read_position,
        decode(e.salt, 'hex'), decode(e.digest, 'hex'), string_to_array(e.tags, e'\x1d')
    from unnest(
        streams,
        versions,
        string_to_array(e_id, e'\x1f'),
        string_to_array(e_type, e'\x1f'),
        string_to_array(e_data, e'\x1f')::json[],
        string_to_array(e_metadata, e'\x1f')::json[],
        string_to_array(e_agent, e'\x1f', e'\x1e'),
        string_to_array(e_schema_version, e'\x1f')::int[],
        string_to_array(e_correlation_id, e'\x1f', e'\x1e'),
        string_to_array(e_causation_id, e'\x1f', e'\x1e'),
        string_to_array(e_occurred_at, e'\x1f', e'\x1e')::timestamptz[],
        times,
        string_to_array(e_expected_version, e'\x1f', e'\x1e')::bigint[],
        string_to_array(e_read_position, e'\x1f', e'\x1e')::bigint[],
        string_to_array(e_salt, e'\x1f', e'\x1e'),
        string_to_array(e_digest, e'\x1f', e'\x1e'),
        string_to_array(e_tags, e'\x1f', e'\x1e')
    ) with ordinality e(stream, version, id, type, data, metadata, agent, schema_version, correlation_id, causation_id,
                        occurred_at, recorded_at, expected_version, read_position, salt, digest, tags, ord);

    insert into event_tag (log_id, tag, position)
    select p_log, unnest(string_to_array(e.tags, e'\x1d')), v_head + e.ord
    from unnest(string_to_array(e_tags, e'\x1f', e'\x1e')) with ordinality e(tags, ord);

    insert into append_key (log_id, key, salt, fingerprint, first_position, last_position)
    select p_log, k.key, decode(k.salt, 'hex'), decode(k.fingerprint, 'hex'), k.first, k.last
    from unnest(string_to_array(k_key, e'\x1f'),
                string_to_array(k_salt, e'\x1f', e'\x1e'), string_to_array(k_fingerprint, e'\x1f', e'\x1e'),
                string_to_array(k_first, e'\x1f')::bigint[], string_to_array(k_last, e'\x1f')::bigint[])
        k(key, salt, fingerprint, first, last);

    update log_head set head = v_head + cardinality(streams), head_at = times[cardinality(times)] where log_id = p_log;
end $$;
