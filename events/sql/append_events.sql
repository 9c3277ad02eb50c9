-- Appends one flush to one log, or nothing: the only writer of `event`.
--
-- It takes the log's lock, checks that nothing in the flush is known yet and that every stream stands where it is
-- wanted, inserts, and moves the head. If a check fails it changes nothing and returns `done = false`: the caller
-- looks at the log, leaves out what can't be appended, and calls again. So the lock is never held across a round trip.
--
-- Lists are texts joined by U+001F, null is U+001E: neither occurs in JSON or in a name, and psycopg encodes one text
-- many times faster than an array (docs/decisions/0002).
--   streams  s_name, s_wanted (the version it must have; null: any, -1: at least 1)
--   events   e_stream (index into the streams, from 1), e_seq (place among the stream's new events, from 1), e_id … e_digest
--   keys     k_key, k_fingerprint, k_first and k_last (places in the flush, from 1)
create function append_events(
    p_log int,
    s_name text, s_wanted text,
    e_stream text, e_seq text, e_id text, e_type text, e_data text, e_metadata text, e_agent text,
    e_schema_version text, e_correlation_id text, e_causation_id text, e_occurred_at text,
    e_expected_version text, e_read_position text, e_digest text,
    k_key text, k_fingerprint text, k_first text, k_last text,
    out done boolean, out first_position bigint, out base_versions bigint[]
) language plpgsql volatile
-- The plan is made while tables may be empty: it must not remember a sequential scan, nor a scan of the whole log through
-- any index that begins with it, which costs nothing while the log is short and grows with it. So what is looked for is
-- asked for in the order of the one index that fits, and nothing may be sorted instead.
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan
as $$
declare
    names constant text[] := string_to_array(s_name, e'\x1f');
    -- Read by index below: PL/pgSQL keeps a variable's array unpacked. `unnest` of fourteen arrays takes a tuplestore for
    -- each, and with that a flush of one event twice as long.
    streams constant int[] := string_to_array(e_stream, e'\x1f')::int[];
    seqs constant bigint[] := string_to_array(e_seq, e'\x1f')::bigint[];
    ids constant text[] := string_to_array(e_id, e'\x1f');
    types constant text[] := string_to_array(e_type, e'\x1f');
    datas constant json[] := string_to_array(e_data, e'\x1f')::json[];
    metadatas constant json[] := string_to_array(e_metadata, e'\x1f')::json[];
    agents constant text[] := string_to_array(e_agent, e'\x1f', e'\x1e');
    schema_versions constant int[] := string_to_array(e_schema_version, e'\x1f')::int[];
    correlation_ids constant text[] := string_to_array(e_correlation_id, e'\x1f', e'\x1e');
    causation_ids constant text[] := string_to_array(e_causation_id, e'\x1f', e'\x1e');
    occurred_ats constant timestamptz[] := string_to_array(e_occurred_at, e'\x1f', e'\x1e')::timestamptz[];
    expected_versions constant bigint[] := string_to_array(e_expected_version, e'\x1f', e'\x1e')::bigint[];
    read_positions constant bigint[] := string_to_array(e_read_position, e'\x1f', e'\x1e')::bigint[];
    digests constant text[] := string_to_array(e_digest, e'\x1f');
    keys constant text[] := string_to_array(k_key, e'\x1f');
    v_head bigint;
    v_now timestamptz;
begin
    -- A statement of its own: what follows sees what the lock's last holder committed.
    perform pg_advisory_xact_lock(7301, p_log);
    select head, greatest(clock_timestamp(), head_at) into strict v_head, v_now from log where id = p_log;

    select bool_and(case when w.wanted is null then true
                         when w.wanted = -1 then coalesce(s.version, 0) > 0
                         else coalesce(s.version, 0) = w.wanted end),
           array_agg(coalesce(s.version, 0) order by w.ord)
    into done, base_versions
    from unnest(names, string_to_array(s_wanted, e'\x1f', e'\x1e')::bigint[]) with ordinality w(name, wanted, ord)
    left join lateral (
        select s.name, s.version from stream s
        where s.log_id = p_log and s.name >= w.name order by s.name limit 1
    ) s on s.name = w.name;

    if not done
        or exists (
            select from unnest(ids) i(id)
            where i.id = (select e.id from event e where e.log_id = p_log and e.id >= i.id order by e.id limit 1)
        )
        or k_key <> '' and exists (select from append_key where log_id = p_log and key = any (keys))
    then
        done := false;
        return;
    end if;

    insert into event (
        log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
        correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, digest)
    select p_log, v_head + n, names[streams[n]], base_versions[streams[n]] + seqs[n],
        ids[n], types[n], datas[n], metadatas[n], agents[n], schema_versions[n],
        correlation_ids[n], causation_ids[n], occurred_ats[n], v_now, expected_versions[n], read_positions[n],
        decode(digests[n], 'hex')
    from generate_series(1, cardinality(ids)) n;

    perform catalogue_events(p_log, v_head, e_correlation_id ~ e'[^\x1e\x1f]');

    if k_key <> '' then
        insert into append_key (log_id, key, fingerprint, first_position, last_position)
        select p_log, k.key, decode(k.fingerprint, 'hex'), v_head + k.first, v_head + k.last
        from unnest(keys, string_to_array(k_fingerprint, e'\x1f'), string_to_array(k_first, e'\x1f')::bigint[],
                    string_to_array(k_last, e'\x1f')::bigint[]) k(key, fingerprint, first, last);
    end if;

    update log set head = v_head + cardinality(ids), head_at = v_now where id = p_log;
    first_position := v_head + 1;
end $$;
