-- Appends one flush to one log, or nothing: the only writer of `event`.
--
-- It locks the log's row, and then asks in this order: does the writer know the log's rules; is nothing of the flush known
-- yet; has every stream the version that is needed; does every guard agree? If one answer is no, it changes nothing and
-- returns `done = false`: the caller looks at the log, answers what can't be appended, and calls again. So the lock is never
-- held across a round trip. Else it inserts the events and moves the head. Lists follow later (keep_lists.sql).
--
--   p_rules   the position up to which the writer knows the log's rules. If `rules_at` is later, it must load them and plan
--             again: so a rule holds exactly from its event on, in all processes
--   p_guards  what must hold besides, as JSON for run_guards(); empty: nothing. `refusals` says which guards refused which
--             appends; the caller answers these, and calls again with the others
--
-- Lists are texts joined by U+001F, null is U+001E: neither occurs in JSON or in a name, and psycopg encodes one text
-- many times faster than an array (docs/decisions/0002).
--   streams  s_name, s_needed (the version it must have; null: any, -1: at least 1)
--   events   e_stream (index into the streams, from 1), e_seq (place among the stream's new events, from 1), e_id … e_tags
--            (the tags of an event are joined by U+001D; the whole text is empty if no event has any)
--   keys     k_key, k_salt, k_fingerprint, k_first and k_last (places in the flush, from 1)
create or replace function append_events(
    p_log int, p_rules bigint, p_guards text,
    s_name text, s_needed text,
    e_stream text, e_seq text, e_id text, e_type text, e_data text, e_metadata text, e_agent text,
    e_schema_version text, e_correlation_id text, e_causation_id text, e_occurred_at text,
    e_expected_version text, e_read_position text, e_salt text, e_digest text, e_tags text,
    k_key text, k_salt text, k_fingerprint text, k_first text, k_last text,
    out done boolean, out first_position bigint, out base_versions bigint[], out rules_at bigint, out refusals json
) language plpgsql volatile
-- The plan is made while tables may be empty: it must not remember a sequential scan, nor a scan of the whole log through
-- any index that begins with it, which costs nothing while the log is short and grows with it. So what is looked for is
-- asked for in the order of the one index that fits, and nothing may be sorted instead. What is off adds 1e10 to a plan's
-- cost where it can't be avoided, and a plan that dear would be compiled at each call: 0.4 s of processor time.
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    -- The flush of a caller who is alone. Each list costs a little to take apart and each query over lists costs a lot to
    -- start, so one event goes without: a third of the time. What is checked and what is written are the same.
    one constant boolean := strpos(e_id, e'\x1f') = 0;
    names text[];
    -- Read by index below: PL/pgSQL keeps a variable's array unpacked. `unnest` of fourteen arrays takes a tuplestore for
    -- each, and with that a flush of few events twice as long.
    streams int[];
    seqs bigint[];
    ids text[];
    types text[];
    datas json[];
    metadatas json[];
    agents text[];
    schema_versions int[];
    correlation_ids text[];
    causation_ids text[];
    occurred_ats timestamptz[];
    expected_versions bigint[];
    read_positions bigint[];
    salts text[];
    digests text[];
    tags text[];
    keys text[];
    v_count int;
    v_head bigint;
    v_now timestamptz;
begin
    -- A statement of its own: what follows sees what the lock's last holder committed.
    select h.head, h.rules_at into strict v_head, rules_at from log_head h where h.log_id = p_log for update;

    done := rules_at <= p_rules;
    if done and k_key <> '' then
        keys := string_to_array(k_key, e'\x1f');
        done := not exists (select from append_key where log_id = p_log and key = any (keys));
    end if;

    if one then
        base_versions := array[coalesce((
            select e.version from event e
            where e.log_id = p_log and e.stream = s_name order by e.version desc limit 1), 0)];
        done := done
            and case s_needed when e'\x1e' then true
                              when '-1' then base_versions[1] > 0
                              else base_versions[1] = s_needed::bigint end
            and e_id is distinct from
                (select e.id from event e where e.log_id = p_log and e.id >= e_id order by e.id limit 1);
    else
        names := string_to_array(s_name, e'\x1f');
        ids := string_to_array(e_id, e'\x1f');
        select done and bool_and(case when s.needed is null then true
                                      when s.needed = -1 then coalesce(e.version, 0) > 0
                                      else coalesce(e.version, 0) = s.needed end),
               array_agg(coalesce(e.version, 0) order by s.ord)
        into done, base_versions
        from unnest(names, string_to_array(s_needed, e'\x1f', e'\x1e')::bigint[]) with ordinality s(name, needed, ord)
        left join lateral (
            select e.version from event e
            where e.log_id = p_log and e.stream = s.name order by e.version desc limit 1
        ) e on true;
        done := done and not exists (
            select from unnest(ids) i(id)
            where i.id = (select e.id from event e where e.log_id = p_log and e.id >= i.id order by e.id limit 1)
        );
    end if;
    if done and p_guards <> '' then
        refusals := run_guards(p_log, v_head, p_guards::json);
        done := refusals is null;
    end if;
    if not done then
        return;
    end if;

    v_count := case when one then 1 else cardinality(ids) end;
    first_position := v_head + 1;
    update log_head set head = v_head + v_count, head_at = greatest(clock_timestamp(), head_at) where log_id = p_log
    returning head_at into strict v_now;

    if one then
        insert into event (
            log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
            correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, salt, digest, tags)
        values (p_log, first_position, s_name, base_versions[1] + 1,
            e_id, e_type, e_data::json, e_metadata::json, nullif(e_agent, e'\x1e'), e_schema_version::int,
            nullif(e_correlation_id, e'\x1e'), nullif(e_causation_id, e'\x1e'),
            nullif(e_occurred_at, e'\x1e')::timestamptz, v_now, nullif(e_expected_version, e'\x1e')::bigint,
            nullif(e_read_position, e'\x1e')::bigint, decode(e_salt, 'hex'), decode(e_digest, 'hex'),
            case when e_tags <> '' then string_to_array(e_tags, e'\x1d') end);
    else
        streams := string_to_array(e_stream, e'\x1f')::int[];
        seqs := string_to_array(e_seq, e'\x1f')::bigint[];
        types := string_to_array(e_type, e'\x1f');
        datas := string_to_array(e_data, e'\x1f')::json[];
        metadatas := string_to_array(e_metadata, e'\x1f')::json[];
        agents := string_to_array(e_agent, e'\x1f', e'\x1e');
        schema_versions := string_to_array(e_schema_version, e'\x1f')::int[];
        correlation_ids := string_to_array(e_correlation_id, e'\x1f', e'\x1e');
        causation_ids := string_to_array(e_causation_id, e'\x1f', e'\x1e');
        occurred_ats := string_to_array(e_occurred_at, e'\x1f', e'\x1e')::timestamptz[];
        expected_versions := string_to_array(e_expected_version, e'\x1f', e'\x1e')::bigint[];
        read_positions := string_to_array(e_read_position, e'\x1f', e'\x1e')::bigint[];
        salts := string_to_array(e_salt, e'\x1f');
        digests := string_to_array(e_digest, e'\x1f');
        if e_tags <> '' then
            tags := string_to_array(e_tags, e'\x1f', e'\x1e');
        end if;
        insert into event (
            log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
            correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, salt, digest, tags)
        select p_log, v_head + n, names[streams[n]], base_versions[streams[n]] + seqs[n],
            ids[n], types[n], datas[n], metadatas[n], agents[n], schema_versions[n],
            correlation_ids[n], causation_ids[n], occurred_ats[n], v_now, expected_versions[n], read_positions[n],
            decode(salts[n], 'hex'), decode(digests[n], 'hex'), string_to_array(tags[n], e'\x1d')
        from generate_series(1, cardinality(ids)) n;
    end if;

    if e_tags <> '' then
        insert into event_tag (log_id, tag, position)
        select p_log, unnest(string_to_array(e.tags, e'\x1d')), v_head + e.n
        from unnest(string_to_array(e_tags, e'\x1f', e'\x1e')) with ordinality e(tags, n);
    end if;
    if k_key <> '' then
        insert into append_key (log_id, key, salt, fingerprint, first_position, last_position)
        select p_log, k.key, decode(k.salt, 'hex'), decode(k.fingerprint, 'hex'), v_head + k.first, v_head + k.last
        from unnest(keys, string_to_array(k_salt, e'\x1f'), string_to_array(k_fingerprint, e'\x1f'),
                    string_to_array(k_first, e'\x1f')::bigint[], string_to_array(k_last, e'\x1f')::bigint[])
            k(key, salt, fingerprint, first, last);
    end if;
end $$;
