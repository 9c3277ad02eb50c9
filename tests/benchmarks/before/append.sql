-- The append as it was when it wrote the lists of streams and workflows, in a schema of its own: a peer to compare with.

create schema before;
set search_path = before;

create table log (id int primary key, name text not null, head bigint not null default 0, head_at timestamptz);
create table event (
    position bigint not null, version bigint not null, recorded_at timestamptz not null, schema_version int not null,
    stream text collate "C" not null, id text collate "C" not null, type text collate "C" not null,
    data json not null, metadata json not null, digest bytea not null, occurred_at timestamptz,
    agent text collate "C", correlation_id text collate "C", causation_id text collate "C",
    expected_version bigint, read_position bigint, log_id int not null,
    constraint event_stream_version unique (log_id, stream, version),
    constraint event_id unique (log_id, id),
    constraint event_digest check (octet_length(digest) = 32),
    primary key (log_id, position)
);
create index event_type on event (log_id, type, position);
create index event_correlation on event (log_id, correlation_id, position) where correlation_id is not null;
create index event_causation on event (log_id, causation_id, position) where causation_id is not null;
create index event_agent on event (log_id, agent, position) where agent is not null;
create index event_at on event (log_id, coalesce(occurred_at, recorded_at));
create table stream (
    version bigint not null, last_position bigint not null, name text collate "C" not null, category text collate "C",
    log_id int not null, primary key (log_id, name)
);
create index stream_category on stream (log_id, category, name) where category is not null;
create index stream_last_position on stream (log_id, last_position desc);
create table workflow (
    first_position bigint not null, last_position bigint not null, events bigint not null,
    first_recorded_at timestamptz not null, last_recorded_at timestamptz not null,
    first_occurred_at timestamptz, last_occurred_at timestamptz,
    correlation_id text collate "C" not null, agents text[] collate "C" not null, log_id int not null,
    primary key (log_id, correlation_id)
);
create index workflow_last_position on workflow (log_id, last_position desc);
create table append_key (
    first_position bigint not null, last_position bigint not null, key text collate "C" not null,
    fingerprint bytea not null, log_id int not null, primary key (log_id, key)
);

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
-- What came later is taken and ignored, so that one writer can call this function and the one of today: rules, guards,
-- salts and tags.
create function append_events(
    p_log int, p_rules bigint, p_guards text,
    s_name text, s_wanted text,
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
    digests text[];
    keys text[];
    v_stream record;
    v_count int;
    v_head bigint;
    v_now timestamptz;
begin
    -- A statement of its own: what follows sees what the lock's last holder committed.
    perform pg_advisory_xact_lock(7301, p_log);

    done := true;
    if k_key <> '' then
        keys := string_to_array(k_key, e'\x1f');
        done := not exists (select from append_key where log_id = p_log and key = any (keys));
    end if;

    if one then
        select s.ctid, s.name, s.version into v_stream from stream s
        where s.log_id = p_log and s.name >= s_name order by s.name limit 1;
        base_versions := array[case when v_stream.name = s_name then v_stream.version else 0 end];
        done := done
            and case s_wanted when e'\x1e' then true
                              when '-1' then base_versions[1] > 0
                              else base_versions[1] = s_wanted::bigint end
            and e_id is distinct from
                (select e.id from event e where e.log_id = p_log and e.id >= e_id order by e.id limit 1);
    else
        names := string_to_array(s_name, e'\x1f');
        ids := string_to_array(e_id, e'\x1f');
        select done and bool_and(case when w.wanted is null then true
                                      when w.wanted = -1 then coalesce(s.version, 0) > 0
                                      else coalesce(s.version, 0) = w.wanted end),
               array_agg(coalesce(s.version, 0) order by w.ord)
        into done, base_versions
        from unnest(names, string_to_array(s_wanted, e'\x1f', e'\x1e')::bigint[]) with ordinality w(name, wanted, ord)
        left join lateral (
            select s.name, s.version from stream s
            where s.log_id = p_log and s.name >= w.name order by s.name limit 1
        ) s on s.name = w.name;
        done := done and not exists (
            select from unnest(ids) i(id)
            where i.id = (select e.id from event e where e.log_id = p_log and e.id >= i.id order by e.id limit 1)
        );
    end if;
    if not done then
        return;
    end if;

    v_count := case when one then 1 else cardinality(ids) end;
    update log set head = head + v_count, head_at = greatest(clock_timestamp(), head_at) where id = p_log
    returning head - v_count, head - v_count + 1, head_at into strict v_head, first_position, v_now;

    if one then
        insert into event (
            log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
            correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, digest)
        values (p_log, first_position, s_name, base_versions[1] + 1,
            e_id, e_type, e_data::json, e_metadata::json, nullif(e_agent, e'\x1e'), e_schema_version::int,
            nullif(e_correlation_id, e'\x1e'), nullif(e_causation_id, e'\x1e'),
            nullif(e_occurred_at, e'\x1e')::timestamptz, v_now, nullif(e_expected_version, e'\x1e')::bigint,
            nullif(e_read_position, e'\x1e')::bigint, decode(e_digest, 'hex'));
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
        digests := string_to_array(e_digest, e'\x1f');
        insert into event (
            log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
            correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, digest)
        select p_log, v_head + n, names[streams[n]], base_versions[streams[n]] + seqs[n],
            ids[n], types[n], datas[n], metadatas[n], agents[n], schema_versions[n],
            correlation_ids[n], causation_ids[n], occurred_ats[n], v_now, expected_versions[n], read_positions[n],
            decode(digests[n], 'hex')
        from generate_series(1, cardinality(ids)) n;
    end if;

    if one and base_versions[1] > 0 and e_correlation_id = e'\x1e' then
        -- By its place: nobody moves a stream's row while we hold the lock, and no plan can go another way.
        update stream set version = base_versions[1] + 1, last_position = first_position where ctid = v_stream.ctid;
    else
        perform catalogue_events(p_log, v_head, btrim(e_correlation_id, e'\x1e\x1f') <> '');
    end if;

    if k_key <> '' then
        insert into append_key (log_id, key, fingerprint, first_position, last_position)
        select p_log, k.key, decode(k.fingerprint, 'hex'), v_head + k.first, v_head + k.last
        from unnest(keys, string_to_array(k_fingerprint, e'\x1f'), string_to_array(k_first, e'\x1f')::bigint[],
                    string_to_array(k_last, e'\x1f')::bigint[]) k(key, fingerprint, first, last);
    end if;
end $$;

-- Keeps the lists of streams and workflows up to date with the events after a position, which this transaction inserted.
-- `p_workflows` says whether any of them has a correlation id. Recorded times never go back; occurred ones may. The
-- planner's settings are the caller's;
-- `offset 0` keeps it from reading the whole log in the order of what it groups by.
create function catalogue_events(p_log int, p_after bigint, p_workflows boolean) returns void
language plpgsql volatile
as $$
begin
    insert into stream (log_id, name, category, version, last_position)
    select p_log, e.stream, nullif(case when e.stream like '%-%' then split_part(e.stream, '-', 1) end, ''),
        max(e.version), max(e.position)
    from (select * from event where log_id = p_log and position > p_after order by position offset 0) e
    group by e.stream
    on conflict (log_id, name) do update set version = excluded.version, last_position = excluded.last_position;

    if not p_workflows then
        return;
    end if;
    insert into workflow as w (log_id, correlation_id, first_position, last_position, events,
        first_recorded_at, last_recorded_at, first_occurred_at, last_occurred_at, agents)
    select p_log, e.correlation_id, min(e.position), max(e.position), count(*),
        min(e.recorded_at), max(e.recorded_at), min(e.occurred_at), max(e.occurred_at),
        -- A list shows a few agents; one that went on growing would make each append to a long workflow dearer.
        coalesce((array_agg(distinct e.agent) filter (where e.agent is not null))[:20], '{}')
    from (select * from event where log_id = p_log and position > p_after order by position offset 0) e
    where e.correlation_id is not null
    group by e.correlation_id
    on conflict (log_id, correlation_id) do update set
        last_position = excluded.last_position,
        events = w.events + excluded.events,
        last_recorded_at = excluded.last_recorded_at,
        first_occurred_at = least(w.first_occurred_at, excluded.first_occurred_at),
        last_occurred_at = greatest(w.last_occurred_at, excluded.last_occurred_at),
        agents = case when w.agents @> excluded.agents or cardinality(w.agents) >= 20 then w.agents
                      else (array(select distinct unnest(w.agents || excluded.agents)))[:20] end;
end $$;
