-- PostgreSQL database dump
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

-- Name: append_events(integer, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.append_events(p_log integer, s_name text, s_wanted text, e_stream text, e_seq text, e_id text, e_type text, e_data text, e_metadata text, e_agent text, e_schema_version text, e_correlation_id text, e_causation_id text, e_occurred_at text, e_expected_version text, e_read_position text, e_digest text, k_key text, k_fingerprint text, k_first text, k_last text, OUT done boolean, OUT first_position bigint, OUT base_versions bigint[]) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

-- Name: catalogue_events(integer, bigint, boolean); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.catalogue_events(p_log integer, p_after bigint, p_workflows boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

-- Name: guard_event(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.guard_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (
        select from redaction r
        where r.log_id = old.log_id and r.position = old.position
          and r.xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295)
    )
    and new.data::text = 'null' and new.metadata::text = '{}'
    and (new.log_id, new.position, new.version, new.recorded_at, new.schema_version, new.stream, new.id, new.type,
         new.digest, new.occurred_at, new.agent, new.correlation_id, new.causation_id, new.expected_version,
         new.read_position)
        is not distinct from
        (old.log_id, old.position, old.version, old.recorded_at, old.schema_version, old.stream, old.id, old.type,
         old.digest, old.occurred_at, old.agent, old.correlation_id, old.causation_id, old.expected_version,
         old.read_position)
    then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- Name: guard_log(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.guard_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE' and old.head = 0 then
        return old;
    end if;
    if tg_op = 'UPDATE' and new.id = old.id and new.head >= old.head
       and (old.head_at is null or new.head_at >= old.head_at) then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- Name: guard_redaction(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.guard_redaction() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if not exists (
        select from event e
        where e.log_id = new.log_id and e.position = new.marker_position and e.type = 'event.redacted'
    ) then
        raise exception 'a redaction needs its event.redacted' using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;

-- Name: guard_stream(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.guard_stream() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if new.log_id = old.log_id and new.name = old.name and new.version >= old.version then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- Name: look_up(integer, text, text, text); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.look_up(p_log integer, p_names text, p_ids text, p_keys text) RETURNS TABLE(kind text, name text, "position" bigint, version bigint, stream text, digest bytea, ids text[])
    LANGUAGE sql STABLE
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
    select 'stream', s.name, null::bigint, s.version, null, null::bytea, null::text[]
    from unnest(string_to_array(p_names, e'\x1f')) n(name)
    join lateral (select * from stream s where s.log_id = p_log and s.name >= n.name order by s.name limit 1) s
        on s.name = n.name
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

-- Name: redact_event(integer, bigint, text, text, text, text, text, text, text, bytea); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.redact_event(p_log integer, p_position bigint, p_reason text, p_by text, m_stream text, m_id text, m_data text, m_correlation_id text, m_causation_id text, m_digest bytea, OUT marker_position bigint, OUT fresh boolean) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
    v_null constant text := e'\x1e';
    v_done boolean;
begin
    perform pg_advisory_xact_lock(7301, p_log);
    select r.marker_position into marker_position from redaction r where r.log_id = p_log and r.position = p_position;
    fresh := not found;
    if not fresh then
        return;
    end if;
    if exists (select from redaction r where r.log_id = p_log and r.marker_position = p_position) then
        raise exception 'the event at % says that another was redacted: it stays', p_position
            using errcode = 'integrity_constraint_violation';
    end if;

    select a.done, a.first_position into strict v_done, marker_position
    from append_events(
        p_log, s_name => m_stream, s_wanted => v_null,
        e_stream => '1', e_seq => '1', e_id => m_id, e_type => 'event.redacted', e_data => m_data, e_metadata => '{}',
        e_agent => p_by, e_schema_version => '1', e_correlation_id => coalesce(m_correlation_id, v_null),
        e_causation_id => m_causation_id, e_occurred_at => v_null, e_expected_version => v_null,
        e_read_position => v_null, e_digest => encode(m_digest, 'hex'),
        k_key => '', k_fingerprint => '', k_first => '', k_last => '') a;
    if not v_done then
        raise exception 'the event.redacted could not be appended' using errcode = 'integrity_constraint_violation';
    end if;

    insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason)
    select p_log, p_position, marker_position, e.recorded_at, p_by, p_reason
    from event e where e.log_id = p_log and e.position = marker_position;

    update event e set data = 'null', metadata = '{}' where e.log_id = p_log and e.position = p_position;
    if not found then
        raise exception 'there is no event at %', p_position using errcode = 'integrity_constraint_violation';
    end if;
end $$;

-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- Name: restore_events(integer, bigint, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text); Type: FUNCTION; Schema: public; Owner: -
CREATE FUNCTION public.restore_events(p_log integer, p_first bigint, e_stream text, e_version text, e_id text, e_type text, e_data text, e_metadata text, e_agent text, e_schema_version text, e_correlation_id text, e_causation_id text, e_occurred_at text, e_recorded_at text, e_expected_version text, e_read_position text, e_digest text, k_key text, k_fingerprint text, k_first text, k_last text) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
    streams constant text[] := string_to_array(e_stream, e'\x1f');
    versions constant bigint[] := string_to_array(e_version, e'\x1f');
    times constant timestamptz[] := string_to_array(e_recorded_at, e'\x1f');
    v_head bigint;
    v_head_at timestamptz;
    v_wrong bigint;
begin
    perform pg_advisory_xact_lock(7301, p_log);
    select head, head_at into strict v_head, v_head_at from log where id = p_log;
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
        left join stream s on s.log_id = p_log and s.name = e.stream
    ) c
    where c.version <> c.next_version or c.at < c.last_at;
    if v_wrong is not null then
        raise exception 'the event at % does not follow: its version leaves a gap, or its time goes back', v_head + v_wrong
            using errcode = 'integrity_constraint_violation';
    end if;

    insert into event (
        log_id, position, stream, version, id, type, data, metadata, agent, schema_version,
        correlation_id, causation_id, occurred_at, recorded_at, expected_version, read_position, digest)
    select p_log, v_head + e.ord, e.stream, e.version,
        e.id, e.type, e.data, e.metadata, e.agent, e.schema_version,
        e.correlation_id, e.causation_id, e.occurred_at, e.recorded_at, e.expected_version, e.read_position,
        decode(e.digest, 'hex')
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
        string_to_array(e_digest, e'\x1f')
    ) with ordinality e(stream, version, id, type, data, metadata, agent, schema_version, correlation_id, causation_id,
                        occurred_at, recorded_at, expected_version, read_position, digest, ord);

    perform catalogue_events(p_log, v_head, e_correlation_id ~ e'[^\x1e\x1f]');

    insert into append_key (log_id, key, fingerprint, first_position, last_position)
    select p_log, k.key, decode(k.fingerprint, 'hex'), k.first, k.last
    from unnest(string_to_array(k_key, e'\x1f'), string_to_array(k_fingerprint, e'\x1f'),
                string_to_array(k_first, e'\x1f')::bigint[], string_to_array(k_last, e'\x1f')::bigint[])
        k(key, fingerprint, first, last);

    update log set head = v_head + cardinality(streams), head_at = times[cardinality(times)] where id = p_log;
end $$;

-- Name: append_key; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.append_key (
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    fingerprint bytea NOT NULL,
    log_id integer NOT NULL
);

-- Name: auth_group; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);

-- Name: auth_group_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: auth_group_permissions; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);

-- Name: auth_group_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: auth_permission; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);

-- Name: auth_permission_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: auth_user; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_user (
    id integer NOT NULL,
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    is_superuser boolean NOT NULL,
    username character varying(150) NOT NULL,
    first_name character varying(150) NOT NULL,
    last_name character varying(150) NOT NULL,
    email character varying(254) NOT NULL,
    is_staff boolean NOT NULL,
    is_active boolean NOT NULL,
    date_joined timestamp with time zone NOT NULL
);

-- Name: auth_user_groups; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_user_groups (
    id bigint NOT NULL,
    user_id integer NOT NULL,
    group_id integer NOT NULL
);

-- Name: auth_user_groups_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_user_groups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_user_groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: auth_user_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_user ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: auth_user_user_permissions; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.auth_user_user_permissions (
    id bigint NOT NULL,
    user_id integer NOT NULL,
    permission_id integer NOT NULL
);

-- Name: auth_user_user_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.auth_user_user_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_user_user_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: checkpoint; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.checkpoint (
    build integer NOT NULL,
    version integer NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    error_position bigint,
    started_at timestamp with time zone NOT NULL,
    advanced_at timestamp with time zone,
    live_at timestamp with time zone,
    rate double precision DEFAULT 0.0 NOT NULL,
    is_live boolean NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    policy text NOT NULL COLLATE pg_catalog."C",
    error text DEFAULT ''::text NOT NULL,
    traceback text DEFAULT ''::text NOT NULL,
    log_id integer NOT NULL,
    seen bigint DEFAULT 0 NOT NULL
);

-- Name: django_content_type; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);

-- Name: django_content_type_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: django_migrations; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);

-- Name: django_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: django_session; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.django_session (
    session_key character varying(40) NOT NULL,
    session_data text NOT NULL,
    expire_date timestamp with time zone NOT NULL
);

-- Name: event; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.event (
    "position" bigint NOT NULL,
    version bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    schema_version integer NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    data json NOT NULL,
    metadata json NOT NULL,
    digest bytea NOT NULL,
    occurred_at timestamp with time zone,
    agent text COLLATE pg_catalog."C",
    correlation_id text COLLATE pg_catalog."C",
    causation_id text COLLATE pg_catalog."C",
    expected_version bigint,
    read_position bigint,
    log_id integer NOT NULL,
    CONSTRAINT event_digest CHECK ((octet_length(digest) = 32))
);

-- Name: job; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.job (
    id integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    arguments jsonb NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL COLLATE pg_catalog."C",
    progress bigint DEFAULT 0 NOT NULL,
    total bigint,
    rate double precision,
    result jsonb,
    error text DEFAULT ''::text NOT NULL,
    is_cancel_requested boolean DEFAULT false NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    started_at timestamp with time zone,
    heartbeat_at timestamp with time zone,
    ended_at timestamp with time zone,
    log_id integer NOT NULL
);

-- Name: job_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.job ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: log; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.log (
    id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    head bigint DEFAULT 0 NOT NULL,
    head_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT log_name CHECK ((name ~ '^[a-z0-9-]{1,63}$'::text))
);

-- Name: log_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: member; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.member (
    id integer NOT NULL,
    role character varying(10) NOT NULL,
    log_id integer NOT NULL,
    user_id integer NOT NULL
);

-- Name: member_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.member ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.member_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: parked; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.parked (
    build integer NOT NULL,
    "position" bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    is_retried boolean DEFAULT false NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    error text NOT NULL,
    traceback text NOT NULL,
    log_id integer NOT NULL
);

-- Name: projection_event; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.projection_event (
    build integer NOT NULL,
    "position" bigint NOT NULL,
    n bigint NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    log_id integer NOT NULL
);

-- Name: projection_lag; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.projection_lag (
    events bigint NOT NULL,
    minute timestamp with time zone NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    log_id integer NOT NULL
);

-- Name: projection_state; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.projection_state (
    build integer NOT NULL,
    events bigint NOT NULL,
    "position" bigint NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    search jsonb GENERATED ALWAYS AS ((state)::jsonb) STORED,
    log_id integer NOT NULL
)
WITH (fillfactor='60');

-- Name: redaction; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.redaction (
    "position" bigint NOT NULL,
    marker_position bigint NOT NULL,
    redacted_at timestamp with time zone NOT NULL,
    redacted_by text NOT NULL,
    reason text NOT NULL,
    log_id integer NOT NULL
);

-- Name: sign_in_link; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.sign_in_link (
    id integer NOT NULL,
    hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    user_id integer NOT NULL
);

-- Name: sign_in_link_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.sign_in_link ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.sign_in_link_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: snapshot; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.snapshot (
    n bigint NOT NULL,
    place bigint NOT NULL,
    events bigint NOT NULL,
    "position" bigint NOT NULL,
    version bigint NOT NULL,
    event_size bigint NOT NULL,
    kept_size bigint NOT NULL,
    seen bigint NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    is_asked boolean NOT NULL,
    projection text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    log_id integer NOT NULL
);

-- Name: stream; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.stream (
    version bigint NOT NULL,
    last_position bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    category text COLLATE pg_catalog."C",
    log_id integer NOT NULL
);

-- Name: token; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.token (
    id integer NOT NULL,
    name character varying(200) NOT NULL,
    hash bytea NOT NULL,
    scopes character varying(10)[] NOT NULL,
    stream_prefix text NOT NULL COLLATE pg_catalog."C",
    agent text COLLATE pg_catalog."C",
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    log_id integer NOT NULL
);

-- Name: token_id_seq; Type: SEQUENCE; Schema: public; Owner: -
ALTER TABLE public.token ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: workflow; Type: TABLE; Schema: public; Owner: -
CREATE TABLE public.workflow (
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    events bigint NOT NULL,
    first_recorded_at timestamp with time zone CONSTRAINT workflow_first_at_not_null NOT NULL,
    last_recorded_at timestamp with time zone CONSTRAINT workflow_last_at_not_null NOT NULL,
    correlation_id text NOT NULL COLLATE pg_catalog."C",
    agents text[] NOT NULL COLLATE pg_catalog."C",
    log_id integer NOT NULL,
    first_occurred_at timestamp with time zone,
    last_occurred_at timestamp with time zone
);

-- Data for Name: append_key; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.append_key VALUES (2, 3, 'pay:order-1:1', '\x8d6a7a2a3a2ee64a95c254663b0cc8406052c0cd5fb3f314edd20f0ffe7c0b3e', 1);
INSERT INTO public.append_key VALUES (6, 7, 'pay:order-2:1', '\x451c2bbdc41c2cc300664bbf59d64125fc6ab922febc55c091c2414d873db85f', 1);
INSERT INTO public.append_key VALUES (10, 11, 'pay:order-3:1', '\xf8fc74a8628ffea2ad255ea1bc5819d3de3757a584782753d54292c3c272c7fb', 1);
INSERT INTO public.append_key VALUES (14, 15, 'pay:order-4:1', '\x01463a66a9d5fb18a753b15aa8ff93ab321995d6fcfb933b4281d383636c34ef', 1);
INSERT INTO public.append_key VALUES (23, 25, 'secret:1', '\xec1f54cb1bde31f7a070c5320f61671fef527781f97d29d5ee0ba6a25e1eaa85', 1);
INSERT INTO public.append_key VALUES (29, 29, 'plain:1', '\x17e806758471fb9c36076979c87d66d8fcbc7da6035d52ae1ae9905ee6bc9424', 1);
INSERT INTO public.append_key VALUES (1, 1, 'lab:1', '\xbdeb01dc55864c507838b92c4c9841701e8a267d165ab3f4ed5b2154adaacc9f', 2);
INSERT INTO public.append_key VALUES (3, 3, 'lab:3', '\x81cbdf2c700ced2fa359c1634a51bb243aa67587a2bf194e1214851b8ab81d4f', 2);

-- Data for Name: auth_group; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: auth_group_permissions; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: auth_permission; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.auth_permission VALUES (1, 'Can add log', 1, 'add_log');
INSERT INTO public.auth_permission VALUES (2, 'Can change log', 1, 'change_log');
INSERT INTO public.auth_permission VALUES (3, 'Can delete log', 1, 'delete_log');
INSERT INTO public.auth_permission VALUES (4, 'Can view log', 1, 'view_log');
INSERT INTO public.auth_permission VALUES (5, 'Can add append key', 2, 'add_appendkey');
INSERT INTO public.auth_permission VALUES (6, 'Can change append key', 2, 'change_appendkey');
INSERT INTO public.auth_permission VALUES (7, 'Can delete append key', 2, 'delete_appendkey');
INSERT INTO public.auth_permission VALUES (8, 'Can view append key', 2, 'view_appendkey');
INSERT INTO public.auth_permission VALUES (9, 'Can add redaction', 3, 'add_redaction');
INSERT INTO public.auth_permission VALUES (10, 'Can change redaction', 3, 'change_redaction');
INSERT INTO public.auth_permission VALUES (11, 'Can delete redaction', 3, 'delete_redaction');
INSERT INTO public.auth_permission VALUES (12, 'Can view redaction', 3, 'view_redaction');
INSERT INTO public.auth_permission VALUES (13, 'Can add sign in link', 4, 'add_signinlink');
INSERT INTO public.auth_permission VALUES (14, 'Can change sign in link', 4, 'change_signinlink');
INSERT INTO public.auth_permission VALUES (15, 'Can delete sign in link', 4, 'delete_signinlink');
INSERT INTO public.auth_permission VALUES (16, 'Can view sign in link', 4, 'view_signinlink');
INSERT INTO public.auth_permission VALUES (17, 'Can add token', 5, 'add_token');
INSERT INTO public.auth_permission VALUES (18, 'Can change token', 5, 'change_token');
INSERT INTO public.auth_permission VALUES (19, 'Can delete token', 5, 'delete_token');
INSERT INTO public.auth_permission VALUES (20, 'Can view token', 5, 'view_token');
INSERT INTO public.auth_permission VALUES (21, 'Can add event', 6, 'add_event');
INSERT INTO public.auth_permission VALUES (22, 'Can change event', 6, 'change_event');
INSERT INTO public.auth_permission VALUES (23, 'Can delete event', 6, 'delete_event');
INSERT INTO public.auth_permission VALUES (24, 'Can view event', 6, 'view_event');
INSERT INTO public.auth_permission VALUES (25, 'Can add member', 7, 'add_member');
INSERT INTO public.auth_permission VALUES (26, 'Can change member', 7, 'change_member');
INSERT INTO public.auth_permission VALUES (27, 'Can delete member', 7, 'delete_member');
INSERT INTO public.auth_permission VALUES (28, 'Can view member', 7, 'view_member');
INSERT INTO public.auth_permission VALUES (29, 'Can add stream', 8, 'add_stream');
INSERT INTO public.auth_permission VALUES (30, 'Can change stream', 8, 'change_stream');
INSERT INTO public.auth_permission VALUES (31, 'Can delete stream', 8, 'delete_stream');
INSERT INTO public.auth_permission VALUES (32, 'Can view stream', 8, 'view_stream');
INSERT INTO public.auth_permission VALUES (33, 'Can add workflow', 9, 'add_workflow');
INSERT INTO public.auth_permission VALUES (34, 'Can change workflow', 9, 'change_workflow');
INSERT INTO public.auth_permission VALUES (35, 'Can delete workflow', 9, 'delete_workflow');
INSERT INTO public.auth_permission VALUES (36, 'Can view workflow', 9, 'view_workflow');
INSERT INTO public.auth_permission VALUES (37, 'Can add parked', 10, 'add_parked');
INSERT INTO public.auth_permission VALUES (38, 'Can change parked', 10, 'change_parked');
INSERT INTO public.auth_permission VALUES (39, 'Can delete parked', 10, 'delete_parked');
INSERT INTO public.auth_permission VALUES (40, 'Can view parked', 10, 'view_parked');
INSERT INTO public.auth_permission VALUES (41, 'Can add projection state', 11, 'add_projectionstate');
INSERT INTO public.auth_permission VALUES (42, 'Can change projection state', 11, 'change_projectionstate');
INSERT INTO public.auth_permission VALUES (43, 'Can delete projection state', 11, 'delete_projectionstate');
INSERT INTO public.auth_permission VALUES (44, 'Can view projection state', 11, 'view_projectionstate');
INSERT INTO public.auth_permission VALUES (45, 'Can add checkpoint', 12, 'add_checkpoint');
INSERT INTO public.auth_permission VALUES (46, 'Can change checkpoint', 12, 'change_checkpoint');
INSERT INTO public.auth_permission VALUES (47, 'Can delete checkpoint', 12, 'delete_checkpoint');
INSERT INTO public.auth_permission VALUES (48, 'Can view checkpoint', 12, 'view_checkpoint');
INSERT INTO public.auth_permission VALUES (49, 'Can add projection event', 13, 'add_projectionevent');
INSERT INTO public.auth_permission VALUES (50, 'Can change projection event', 13, 'change_projectionevent');
INSERT INTO public.auth_permission VALUES (51, 'Can delete projection event', 13, 'delete_projectionevent');
INSERT INTO public.auth_permission VALUES (52, 'Can view projection event', 13, 'view_projectionevent');
INSERT INTO public.auth_permission VALUES (53, 'Can add job', 14, 'add_job');
INSERT INTO public.auth_permission VALUES (54, 'Can change job', 14, 'change_job');
INSERT INTO public.auth_permission VALUES (55, 'Can delete job', 14, 'delete_job');
INSERT INTO public.auth_permission VALUES (56, 'Can view job', 14, 'view_job');
INSERT INTO public.auth_permission VALUES (57, 'Can add snapshot', 15, 'add_snapshot');
INSERT INTO public.auth_permission VALUES (58, 'Can change snapshot', 15, 'change_snapshot');
INSERT INTO public.auth_permission VALUES (59, 'Can delete snapshot', 15, 'delete_snapshot');
INSERT INTO public.auth_permission VALUES (60, 'Can view snapshot', 15, 'view_snapshot');
INSERT INTO public.auth_permission VALUES (61, 'Can add lag', 16, 'add_lag');
INSERT INTO public.auth_permission VALUES (62, 'Can change lag', 16, 'change_lag');
INSERT INTO public.auth_permission VALUES (63, 'Can delete lag', 16, 'delete_lag');
INSERT INTO public.auth_permission VALUES (64, 'Can view lag', 16, 'view_lag');
INSERT INTO public.auth_permission VALUES (65, 'Can add permission', 17, 'add_permission');
INSERT INTO public.auth_permission VALUES (66, 'Can change permission', 17, 'change_permission');
INSERT INTO public.auth_permission VALUES (67, 'Can delete permission', 17, 'delete_permission');
INSERT INTO public.auth_permission VALUES (68, 'Can view permission', 17, 'view_permission');
INSERT INTO public.auth_permission VALUES (69, 'Can add group', 18, 'add_group');
INSERT INTO public.auth_permission VALUES (70, 'Can change group', 18, 'change_group');
INSERT INTO public.auth_permission VALUES (71, 'Can delete group', 18, 'delete_group');
INSERT INTO public.auth_permission VALUES (72, 'Can view group', 18, 'view_group');
INSERT INTO public.auth_permission VALUES (73, 'Can add user', 19, 'add_user');
INSERT INTO public.auth_permission VALUES (74, 'Can change user', 19, 'change_user');
INSERT INTO public.auth_permission VALUES (75, 'Can delete user', 19, 'delete_user');
INSERT INTO public.auth_permission VALUES (76, 'Can view user', 19, 'view_user');
INSERT INTO public.auth_permission VALUES (77, 'Can add content type', 20, 'add_contenttype');
INSERT INTO public.auth_permission VALUES (78, 'Can change content type', 20, 'change_contenttype');
INSERT INTO public.auth_permission VALUES (79, 'Can delete content type', 20, 'delete_contenttype');
INSERT INTO public.auth_permission VALUES (80, 'Can view content type', 20, 'view_contenttype');
INSERT INTO public.auth_permission VALUES (81, 'Can add session', 21, 'add_session');
INSERT INTO public.auth_permission VALUES (82, 'Can change session', 21, 'change_session');
INSERT INTO public.auth_permission VALUES (83, 'Can delete session', 21, 'delete_session');
INSERT INTO public.auth_permission VALUES (84, 'Can view session', 21, 'view_session');

-- Data for Name: auth_user; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.auth_user VALUES (1, '!CibqvjcNyLUNvTqnF3b7lViO3MY3gkH908u916nL', NULL, false, 'ada', '', '', '', false, true, '2026-11-30 00:39:47.328829+00');

-- Data for Name: auth_user_groups; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: auth_user_user_permissions; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: checkpoint; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.checkpoint VALUES (1, 1, 0, 0, NULL, '2026-11-30 00:39:50.24938+00', NULL, '2026-11-30 00:39:50.24938+00', 0, true, 'agents', '9ee90ecc08edbfe7357083d988fa3812d27f9554b3227c16f5c7f9afe5fd8697', 'running', 'stop', '', '', 3, 0);
INSERT INTO public.checkpoint VALUES (1, 1, 0, 0, NULL, '2026-11-30 00:39:50.253037+00', NULL, '2026-11-30 00:39:50.253037+00', 0, true, 'collisions', '6152dadfde28e93590eec444b2b4bbd250b57d60c3b2ff8db7c2b85dea1048fd', 'running', 'stop', '', '', 3, 0);
INSERT INTO public.checkpoint VALUES (1, 1, 0, 0, NULL, '2026-11-30 00:39:50.256822+00', NULL, '2026-11-30 00:39:50.256822+00', 0, true, 'counts', '3f3f9fdf3454307117601fcf1014c3360ba5b74c4dc95ce29b44559bf848e65f', 'running', 'stop', '', '', 3, 0);
INSERT INTO public.checkpoint VALUES (1, 1, 0, 0, NULL, '2026-11-30 00:39:50.257665+00', NULL, '2026-11-30 00:39:50.257665+00', 0, true, 'lifecycle', '7247f7109046a1e7cea75fa2fd34dcd2ed7dabeae5983ab2b4df353a2a9c9912', 'running', 'stop', '', '', 3, 0);
INSERT INTO public.checkpoint VALUES (1, 1, 0, 0, NULL, '2026-11-30 00:39:50.258459+00', NULL, '2026-11-30 00:39:50.258459+00', 0, true, 'orders', '3b247689dedf9b769819e88688e55583d13631d5c6bab40822d62bf3cdea65b5', 'running', 'stop', '', '', 3, 0);
INSERT INTO public.checkpoint VALUES (1, 1, 32, 0, NULL, '2026-11-30 00:39:50.177249+00', '2026-11-30 00:39:50.309126+00', '2026-11-30 00:39:50.177249+00', 0, true, 'agents', '9ee90ecc08edbfe7357083d988fa3812d27f9554b3227c16f5c7f9afe5fd8697', 'running', 'stop', '', '', 1, 32);
INSERT INTO public.checkpoint VALUES (1, 1, 32, 0, NULL, '2026-11-30 00:39:50.18156+00', '2026-11-30 00:39:50.327549+00', '2026-11-30 00:39:50.18156+00', 0, true, 'collisions', '6152dadfde28e93590eec444b2b4bbd250b57d60c3b2ff8db7c2b85dea1048fd', 'running', 'stop', '', '', 1, 32);
INSERT INTO public.checkpoint VALUES (1, 1, 32, 0, NULL, '2026-11-30 00:39:50.188432+00', '2026-11-30 00:39:50.346108+00', '2026-11-30 00:39:50.188432+00', 0, true, 'counts', '3f3f9fdf3454307117601fcf1014c3360ba5b74c4dc95ce29b44559bf848e65f', 'running', 'stop', '', '', 1, 32);
INSERT INTO public.checkpoint VALUES (1, 1, 32, 0, NULL, '2026-11-30 00:39:50.205628+00', '2026-11-30 00:39:50.369047+00', '2026-11-30 00:39:50.205628+00', 0, true, 'lifecycle', '7247f7109046a1e7cea75fa2fd34dcd2ed7dabeae5983ab2b4df353a2a9c9912', 'running', 'stop', '', '', 1, 32);
INSERT INTO public.checkpoint VALUES (1, 1, 32, 0, NULL, '2026-11-30 00:39:50.206618+00', '2026-11-30 00:39:50.398307+00', '2026-11-30 00:39:50.206618+00', 0, true, 'orders', '3b247689dedf9b769819e88688e55583d13631d5c6bab40822d62bf3cdea65b5', 'running', 'stop', '', '', 1, 32);
INSERT INTO public.checkpoint VALUES (1, 1, 3, 0, NULL, '2026-11-30 00:39:50.213642+00', '2026-11-30 00:39:50.413252+00', '2026-11-30 00:39:50.213642+00', 0, true, 'agents', '9ee90ecc08edbfe7357083d988fa3812d27f9554b3227c16f5c7f9afe5fd8697', 'running', 'stop', '', '', 2, 3);
INSERT INTO public.checkpoint VALUES (1, 1, 3, 0, NULL, '2026-11-30 00:39:50.22082+00', '2026-11-30 00:39:50.414879+00', '2026-11-30 00:39:50.22082+00', 0, true, 'collisions', '6152dadfde28e93590eec444b2b4bbd250b57d60c3b2ff8db7c2b85dea1048fd', 'running', 'stop', '', '', 2, 3);
INSERT INTO public.checkpoint VALUES (1, 1, 3, 0, NULL, '2026-11-30 00:39:50.228731+00', '2026-11-30 00:39:50.429185+00', '2026-11-30 00:39:50.22873+00', 0, true, 'counts', '3f3f9fdf3454307117601fcf1014c3360ba5b74c4dc95ce29b44559bf848e65f', 'running', 'stop', '', '', 2, 3);
INSERT INTO public.checkpoint VALUES (1, 1, 3, 0, NULL, '2026-11-30 00:39:50.233357+00', '2026-11-30 00:39:50.430055+00', '2026-11-30 00:39:50.233357+00', 0, true, 'lifecycle', '7247f7109046a1e7cea75fa2fd34dcd2ed7dabeae5983ab2b4df353a2a9c9912', 'running', 'stop', '', '', 2, 3);
INSERT INTO public.checkpoint VALUES (1, 1, 3, 0, NULL, '2026-11-30 00:39:50.240922+00', '2026-11-30 00:39:50.44159+00', '2026-11-30 00:39:50.240922+00', 0, true, 'orders', '3b247689dedf9b769819e88688e55583d13631d5c6bab40822d62bf3cdea65b5', 'running', 'stop', '', '', 2, 3);

-- Data for Name: django_content_type; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.django_content_type VALUES (1, 'events', 'log');
INSERT INTO public.django_content_type VALUES (2, 'events', 'appendkey');
INSERT INTO public.django_content_type VALUES (3, 'events', 'redaction');
INSERT INTO public.django_content_type VALUES (4, 'events', 'signinlink');
INSERT INTO public.django_content_type VALUES (5, 'events', 'token');
INSERT INTO public.django_content_type VALUES (6, 'events', 'event');
INSERT INTO public.django_content_type VALUES (7, 'events', 'member');
INSERT INTO public.django_content_type VALUES (8, 'events', 'stream');
INSERT INTO public.django_content_type VALUES (9, 'events', 'workflow');
INSERT INTO public.django_content_type VALUES (10, 'projections', 'parked');
INSERT INTO public.django_content_type VALUES (11, 'projections', 'projectionstate');
INSERT INTO public.django_content_type VALUES (12, 'projections', 'checkpoint');
INSERT INTO public.django_content_type VALUES (13, 'projections', 'projectionevent');
INSERT INTO public.django_content_type VALUES (14, 'projections', 'job');
INSERT INTO public.django_content_type VALUES (15, 'projections', 'snapshot');
INSERT INTO public.django_content_type VALUES (16, 'projections', 'lag');
INSERT INTO public.django_content_type VALUES (17, 'auth', 'permission');
INSERT INTO public.django_content_type VALUES (18, 'auth', 'group');
INSERT INTO public.django_content_type VALUES (19, 'auth', 'user');
INSERT INTO public.django_content_type VALUES (20, 'contenttypes', 'contenttype');
INSERT INTO public.django_content_type VALUES (21, 'sessions', 'session');

-- Data for Name: django_migrations; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.django_migrations VALUES (1, 'contenttypes', '0001_initial', '2026-11-30 00:39:33.834581+00');
INSERT INTO public.django_migrations VALUES (2, 'contenttypes', '0002_remove_content_type_name', '2026-11-30 00:39:33.868658+00');
INSERT INTO public.django_migrations VALUES (3, 'auth', '0001_initial', '2026-11-30 00:39:34.101034+00');
INSERT INTO public.django_migrations VALUES (4, 'auth', '0002_alter_permission_name_max_length', '2026-11-30 00:39:34.138117+00');
INSERT INTO public.django_migrations VALUES (5, 'auth', '0003_alter_user_email_max_length', '2026-11-30 00:39:34.192753+00');
INSERT INTO public.django_migrations VALUES (6, 'auth', '0004_alter_user_username_opts', '2026-11-30 00:39:34.232658+00');
INSERT INTO public.django_migrations VALUES (7, 'auth', '0005_alter_user_last_login_null', '2026-11-30 00:39:34.317539+00');
INSERT INTO public.django_migrations VALUES (8, 'auth', '0006_require_contenttypes_0002', '2026-11-30 00:39:34.320837+00');
INSERT INTO public.django_migrations VALUES (9, 'auth', '0007_alter_validators_add_error_messages', '2026-11-30 00:39:34.378728+00');
INSERT INTO public.django_migrations VALUES (10, 'auth', '0008_alter_user_username_max_length', '2026-11-30 00:39:34.449103+00');
INSERT INTO public.django_migrations VALUES (11, 'auth', '0009_alter_user_last_name_max_length', '2026-11-30 00:39:34.498362+00');
INSERT INTO public.django_migrations VALUES (12, 'auth', '0010_alter_group_name_max_length', '2026-11-30 00:39:34.557177+00');
INSERT INTO public.django_migrations VALUES (13, 'auth', '0011_update_proxy_permissions', '2026-11-30 00:39:34.611959+00');
INSERT INTO public.django_migrations VALUES (14, 'auth', '0012_alter_user_first_name_max_length', '2026-11-30 00:39:34.669597+00');
INSERT INTO public.django_migrations VALUES (15, 'events', '0001_initial', '2026-11-30 00:39:35.121845+00');
INSERT INTO public.django_migrations VALUES (16, 'events', '0002_append_only', '2026-11-30 00:39:35.175998+00');
INSERT INTO public.django_migrations VALUES (17, 'events', '0003_event_at', '2026-11-30 00:39:35.244714+00');
INSERT INTO public.django_migrations VALUES (18, 'events', '0004_workflow_clocks', '2026-11-30 00:39:35.528824+00');
INSERT INTO public.django_migrations VALUES (19, 'events', '0005_append_one', '2026-11-30 00:39:35.532667+00');
INSERT INTO public.django_migrations VALUES (20, 'projections', '0001_initial', '2026-11-30 00:39:35.970972+00');
INSERT INTO public.django_migrations VALUES (21, 'projections', '0002_snapshots_jobs', '2026-11-30 00:39:36.381464+00');
INSERT INTO public.django_migrations VALUES (22, 'projections', '0003_lag', '2026-11-30 00:39:36.580788+00');
INSERT INTO public.django_migrations VALUES (23, 'sessions', '0001_initial', '2026-11-30 00:39:36.605875+00');

-- Data for Name: django_session; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: event; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.event VALUES (1, 1, '2026-11-30 00:39:47.665375+00', 1, 'order-1', 'placed-1', 'order.placed', '{"status": "placed", "customer": "c-1", "total": 10}', '{}', '\x4331518d913eb7285deb0c708a7fdc3c1d61fb51829003c9c071cc64c3bd5355', '2026-01-01 11:00:00.5+00', 'storefront', 'order-1', NULL, 0, NULL, 1);
INSERT INTO public.event VALUES (2, 2, '2026-11-30 00:39:47.857153+00', 1, 'order-1', 'paid-1', 'order.paid', '{"status": "paid", "card": "card-1"}', '{}', '\x805e94e153a06634ae2393d46c10dc2ec838c0b1d06de6e6d4ef59f1390c33c8', NULL, 'cashier', 'order-1', 'placed-1', NULL, 1, 1);
INSERT INTO public.event VALUES (3, 3, '2026-11-30 00:39:47.857153+00', 2, 'order-1', 'listed-1', 'order.listed', '{"status": "listed"}', '{"links": ["placed-1"]}', '\x78ddabe1ae8be6c7be56022e77d313ea9bc34c4c43051360bd528786c6e698d7', NULL, 'router', 'order-1', NULL, NULL, 1, 1);
INSERT INTO public.event VALUES (4, 1, '2026-11-30 00:39:47.986668+00', 1, 'van-1', 'route-1', 'van.routed', '{"stops": ["order-1"]}', '{}', '\xc2289b7ffa155765611333cb72086c7526ad2d33e2394d7da46167bcc32915de', NULL, 'router', NULL, 'listed-1', NULL, NULL, 1);
INSERT INTO public.event VALUES (5, 1, '2026-11-30 00:39:48.069379+00', 1, 'order-2', 'placed-2', 'order.placed', '{"status": "placed", "customer": "c-2", "total": 20}', '{}', '\x0e6f447a7fd060fb99f80e02fcff5cf080b9090a9a5c766fa43b8285359c8095', '2026-01-02 11:00:00.5+00', 'storefront', 'order-2', NULL, 0, NULL, 1);
INSERT INTO public.event VALUES (6, 2, '2026-11-30 00:39:48.154601+00', 1, 'order-2', 'paid-2', 'order.paid', '{"status": "paid", "card": "card-2"}', '{}', '\x918aaa326d20eb8ebd581d8447a98682bb7507d235cdd511cb6571bfe3a79e1c', NULL, 'cashier', 'order-2', 'placed-2', NULL, 2, 1);
INSERT INTO public.event VALUES (7, 3, '2026-11-30 00:39:48.154601+00', 2, 'order-2', 'listed-2', 'order.listed', '{"status": "listed"}', '{"links": ["placed-2"]}', '\x2196f9def7d0c58b4a07e0d8c61ced689a57dba7c8b7e19b819b73ab42c5a910', NULL, 'router', 'order-2', NULL, NULL, 2, 1);
INSERT INTO public.event VALUES (8, 1, '2026-11-30 00:39:48.226252+00', 1, 'van-0', 'route-2', 'van.routed', '{"stops": ["order-2"]}', '{}', '\xd4a3bde5af4d1bd2abd5eb12dbc6f342a965507d7b61fd8917297c071a78ec3b', NULL, 'router', NULL, 'listed-2', NULL, NULL, 1);
INSERT INTO public.event VALUES (9, 1, '2026-11-30 00:39:48.352032+00', 1, 'order-3', 'placed-3', 'order.placed', '{"status": "placed", "customer": "c-3", "total": 30}', '{}', '\x5ae1cccfd3cc4e333c8616f4bdfec2dca0a0167cd96d5590572b14673b5006db', '2026-01-03 11:00:00.5+00', 'storefront', 'order-3', NULL, 0, NULL, 1);
INSERT INTO public.event VALUES (10, 2, '2026-11-30 00:39:48.465386+00', 1, 'order-3', 'paid-3', 'order.paid', '{"status": "paid", "card": "card-3"}', '{}', '\xa0cb5d48e3d942e08c7d58ad4ae6521ec41d3aca931f859939df149b603e2897', NULL, 'cashier', 'order-3', 'placed-3', NULL, 3, 1);
INSERT INTO public.event VALUES (11, 3, '2026-11-30 00:39:48.465386+00', 2, 'order-3', 'listed-3', 'order.listed', '{"status": "listed"}', '{"links": ["placed-3"]}', '\x398ca258ceda47a727be214cf574ceaf02fa9b65362a5c2b97bcce2283bf41ae', NULL, 'router', 'order-3', NULL, NULL, 3, 1);
INSERT INTO public.event VALUES (12, 2, '2026-11-30 00:39:48.577681+00', 1, 'van-1', 'route-3', 'van.routed', '{"stops": ["order-3"]}', '{}', '\xe1435c04305676585c82129379e438bc81eb572117f27a735e31d0a70e20577e', NULL, 'router', NULL, 'listed-3', NULL, NULL, 1);
INSERT INTO public.event VALUES (13, 1, '2026-11-30 00:39:48.645714+00', 1, 'order-4', 'placed-4', 'order.placed', '{"status": "placed", "customer": "c-4", "total": 40}', '{}', '\x4c51b3c7b89aa2d7d536214d8b686f18c5511db812b1318368244acaa69eca07', '2026-01-04 11:00:00.5+00', 'storefront', 'order-4', NULL, 0, NULL, 1);
INSERT INTO public.event VALUES (14, 2, '2026-11-30 00:39:48.723234+00', 1, 'order-4', 'paid-4', 'order.paid', '{"status": "paid", "card": "card-4"}', '{}', '\x035aab54f397ada8535cce606dbe722f697101ca292298b5b01cfccb1f594e89', NULL, 'cashier', 'order-4', 'placed-4', NULL, 4, 1);
INSERT INTO public.event VALUES (15, 3, '2026-11-30 00:39:48.723234+00', 2, 'order-4', 'listed-4', 'order.listed', '{"status": "listed"}', '{"links": ["placed-4"]}', '\xead68139e8d8826c0f3496e15c1e810c2f3052bff9f1ab46c56f325b28208b94', NULL, 'router', 'order-4', NULL, NULL, 4, 1);
INSERT INTO public.event VALUES (16, 2, '2026-11-30 00:39:48.862191+00', 1, 'van-0', 'route-4', 'van.routed', '{"stops": ["order-4"]}', '{}', '\x1fe61aa159f8d9dc7e6781a4fcd31cacf67ab4fe36df45016e8eae327a4c3453', NULL, 'router', NULL, 'listed-4', NULL, NULL, 1);
INSERT INTO public.event VALUES (17, 4, '2026-11-30 00:39:48.958447+00', 1, 'order-1', 'dispatched-1', 'order.dispatched', '{"van": "van-1"}', '{}', '\xa90fa36ce07e5e5340bd544cc981dda0898d252a6348dd41c75df3632c8901e3', NULL, 'router', 'order-1', NULL, -1, NULL, 1);
INSERT INTO public.event VALUES (18, 1, '2026-11-30 00:39:49.070665+00', 1, 'letters', 'letters-1', 'Odd', '"\u05e9\u05dc\u05d5\u05dd \u2028 \ud83d\ude42 it''s \\ \"100%\""', '{}', '\xd3ce9b608f358c4d0b286ddac305e09e636f278a6c4c017a5b1b223ad9531563', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (19, 2, '2026-11-30 00:39:49.070665+00', 1, 'letters', 'letters-2', 'Odd', '1208925819614629174706176', '{}', '\xf45610ea513301b0b17a936a12ec9752231144e1b8a187825c69be6daafeb47d', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (20, 3, '2026-11-30 00:39:49.070665+00', 1, 'letters', 'letters-3', 'Odd', 'null', '{}', '\x1769fa1f3a8a25688571b050476aac76c524b13e2ec876c629ebad50b82a6a5e', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (21, 4, '2026-11-30 00:39:49.070665+00', 1, 'letters', 'letters-4', 'Odd', '[1.5, {"": {}}]', '{"m": true}', '\x6399d8af5f1e59813774e4ba824e3491af8b608893eec980eb930e56eeb70fae', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (24, 2, '2026-11-30 00:39:49.278407+00', 1, 'secret-by-key', 'key-2', 'Charged', '{"n": 2}', '{}', '\x0ee6fc945157566705ffebd7e5fc8f89afecf2b29daa1d789968403e519e3a28', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (25, 3, '2026-11-30 00:39:49.278407+00', 1, 'secret-by-key', 'key-3', 'Charged', '{"n": 3}', '{}', '\xfbc4c987653c468d43943be0474de616f3752339b0835f7a9a9ba21d7ce157b9', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (26, 1, '2026-11-30 00:39:49.41555+00', 1, 'secret-among-ids', 'many-1', 'Charged', '{"n": 1}', '{}', '\x11be770683c7f28c3d59e2f5e71113a2193fb86b7bb0c4a95d927eb9feab1142', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (28, 3, '2026-11-30 00:39:49.41555+00', 1, 'secret-among-ids', 'many-3', 'Charged', '{"n": 3}', '{}', '\x49a36e1b6d3f094b25f998f9f08cc6ac871e7b99f5a1044b9d25faf6a9a669f4', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (29, 1, '2026-11-30 00:39:49.600977+00', 1, 'plain-by-key', 'plain-1', 'Noted', '{"n": 1}', '{}', '\xd43e8f8a957c8e6cb106e229ae00af0f9acba24466e664d007f5e63509463552', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (30, 1, '2026-11-30 00:39:49.677987+00', 1, 'eventsite-redactions', '01a229e4-ca9c-7581-abce-f02fd330d53c', 'event.redacted', '{"position":22,"stream":"secret-by-id","version":1,"id":"secret-by-id","reason":"a pin","by":"ada"}', '{}', '\x380703fbc41dca5089a1d66c4182af0a95ac83b9b4e38d12fcbfb35729bd70b0', NULL, 'ada', 'order-2', 'secret-by-id', NULL, NULL, 1);
INSERT INTO public.event VALUES (22, 1, '2026-11-30 00:39:49.163279+00', 1, 'secret-by-id', 'secret-by-id', 'Charged', 'null', '{}', '\xe98f9f72dbe0211de660d51f148e533a6932338fccf08fcc0b22e6131ab9e832', NULL, 'cashier', 'order-2', NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (31, 2, '2026-11-30 00:39:49.723266+00', 1, 'eventsite-redactions', '01a229e4-cad8-730f-bfcf-b5ad044b17b6', 'event.redacted', '{"position":23,"stream":"secret-by-key","version":1,"id":"key-1","reason":"a pin","by":"ada"}', '{}', '\x1dd26304b9462d147210adcd37fae16eaa705da4d0b398b1fc7def0b2f5d5dee', NULL, 'ada', NULL, 'key-1', NULL, NULL, 1);
INSERT INTO public.event VALUES (23, 1, '2026-11-30 00:39:49.278407+00', 1, 'secret-by-key', 'key-1', 'Charged', 'null', '{}', '\xd04667a7241d44f6647d35040c515bb909efdfe2c653b5dc047781d988e7b1b9', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (32, 3, '2026-11-30 00:39:49.748871+00', 1, 'eventsite-redactions', '01a229e4-caf3-713f-9f9a-9542beb6c58a', 'event.redacted', '{"position":27,"stream":"secret-among-ids","version":2,"id":"many-2","reason":"a pin","by":"ada"}', '{}', '\x2909bbfad9c8cab9d0b318c574e6807c5bd75c068c13e6f60cfe78a81ddc5801', NULL, 'ada', NULL, 'many-2', NULL, NULL, 1);
INSERT INTO public.event VALUES (27, 2, '2026-11-30 00:39:49.41555+00', 1, 'secret-among-ids', 'many-2', 'Charged', 'null', '{}', '\xf6a207d3373879f8753defb81f009fa9939dde76d35461d701dcbd0a29c91731', NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO public.event VALUES (1, 1, '2026-11-30 00:39:49.815859+00', 1, 'run-a', 'lab-1', 'Measured', '{"n": 1}', '{}', '\x10ecbe7bd23a1293f0466af6b669139e7cdd9b6dedb83a4150ee54f513127268', NULL, NULL, NULL, NULL, NULL, NULL, 2);
INSERT INTO public.event VALUES (2, 2, '2026-11-30 00:39:49.911864+00', 1, 'run-a', 'lab-2', 'Measured', '{"n": 2}', '{}', '\xf10c5def8d4d480ee3d4f4e2839daf373ddb62b8d53de24c6522920c7712459a', NULL, NULL, NULL, NULL, NULL, NULL, 2);
INSERT INTO public.event VALUES (3, 3, '2026-11-30 00:39:49.989425+00', 1, 'run-a', 'lab-3', 'Measured', '{"n": 3}', '{}', '\x90cabac791b29c452e2295331c0ff0f2f355d0e35a981992fe643252a4a41a90', NULL, NULL, NULL, NULL, NULL, NULL, 2);

-- Data for Name: job; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: log; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.log VALUES (3, 'empty', 0, NULL, '2026-11-30 00:39:47.479834+00');
INSERT INTO public.log VALUES (1, 'shop', 32, '2026-11-30 00:39:49.748871+00', '2026-11-30 00:39:47.418491+00');
INSERT INTO public.log VALUES (2, 'lab', 3, '2026-11-30 00:39:49.989425+00', '2026-11-30 00:39:47.46107+00');

-- Data for Name: member; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.member VALUES (1, 'admin', 1, 1);
INSERT INTO public.member VALUES (2, 'admin', 2, 1);
INSERT INTO public.member VALUES (3, 'admin', 3, 1);

-- Data for Name: parked; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: projection_event; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'type:order.placed', 1);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'agent:storefront', 1);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'stream:order-1', 1);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 2, 1, 'counts', 'type:order.paid', 1);
INSERT INTO public.projection_event VALUES (1, 2, 1, 'counts', 'agent:cashier', 1);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'counts', 'stream:order-1', 1);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 3, 1, 'counts', 'type:order.listed', 1);
INSERT INTO public.projection_event VALUES (1, 3, 1, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'counts', 'stream:order-1', 1);
INSERT INTO public.projection_event VALUES (1, 4, 4, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 4, 1, 'counts', 'type:van.routed', 1);
INSERT INTO public.projection_event VALUES (1, 4, 2, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 4, 1, 'counts', 'stream:van-1', 1);
INSERT INTO public.projection_event VALUES (1, 5, 5, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 5, 2, 'counts', 'type:order.placed', 1);
INSERT INTO public.projection_event VALUES (1, 5, 2, 'counts', 'agent:storefront', 1);
INSERT INTO public.projection_event VALUES (1, 5, 1, 'counts', 'stream:order-2', 1);
INSERT INTO public.projection_event VALUES (1, 6, 6, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 6, 2, 'counts', 'type:order.paid', 1);
INSERT INTO public.projection_event VALUES (1, 6, 2, 'counts', 'agent:cashier', 1);
INSERT INTO public.projection_event VALUES (1, 6, 2, 'counts', 'stream:order-2', 1);
INSERT INTO public.projection_event VALUES (1, 7, 7, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 7, 2, 'counts', 'type:order.listed', 1);
INSERT INTO public.projection_event VALUES (1, 7, 3, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 7, 3, 'counts', 'stream:order-2', 1);
INSERT INTO public.projection_event VALUES (1, 8, 8, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 8, 2, 'counts', 'type:van.routed', 1);
INSERT INTO public.projection_event VALUES (1, 8, 4, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 8, 1, 'counts', 'stream:van-0', 1);
INSERT INTO public.projection_event VALUES (1, 9, 9, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 9, 3, 'counts', 'type:order.placed', 1);
INSERT INTO public.projection_event VALUES (1, 9, 3, 'counts', 'agent:storefront', 1);
INSERT INTO public.projection_event VALUES (1, 9, 1, 'counts', 'stream:order-3', 1);
INSERT INTO public.projection_event VALUES (1, 10, 10, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 10, 3, 'counts', 'type:order.paid', 1);
INSERT INTO public.projection_event VALUES (1, 10, 3, 'counts', 'agent:cashier', 1);
INSERT INTO public.projection_event VALUES (1, 10, 2, 'counts', 'stream:order-3', 1);
INSERT INTO public.projection_event VALUES (1, 11, 11, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 11, 3, 'counts', 'type:order.listed', 1);
INSERT INTO public.projection_event VALUES (1, 11, 5, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 11, 3, 'counts', 'stream:order-3', 1);
INSERT INTO public.projection_event VALUES (1, 12, 12, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 12, 3, 'counts', 'type:van.routed', 1);
INSERT INTO public.projection_event VALUES (1, 12, 6, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 12, 2, 'counts', 'stream:van-1', 1);
INSERT INTO public.projection_event VALUES (1, 13, 13, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 13, 4, 'counts', 'type:order.placed', 1);
INSERT INTO public.projection_event VALUES (1, 13, 4, 'counts', 'agent:storefront', 1);
INSERT INTO public.projection_event VALUES (1, 13, 1, 'counts', 'stream:order-4', 1);
INSERT INTO public.projection_event VALUES (1, 14, 14, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 14, 4, 'counts', 'type:order.paid', 1);
INSERT INTO public.projection_event VALUES (1, 14, 4, 'counts', 'agent:cashier', 1);
INSERT INTO public.projection_event VALUES (1, 14, 2, 'counts', 'stream:order-4', 1);
INSERT INTO public.projection_event VALUES (1, 15, 15, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 15, 4, 'counts', 'type:order.listed', 1);
INSERT INTO public.projection_event VALUES (1, 15, 7, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 15, 3, 'counts', 'stream:order-4', 1);
INSERT INTO public.projection_event VALUES (1, 16, 16, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 16, 4, 'counts', 'type:van.routed', 1);
INSERT INTO public.projection_event VALUES (1, 16, 8, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 16, 2, 'counts', 'stream:van-0', 1);
INSERT INTO public.projection_event VALUES (1, 17, 17, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 17, 1, 'counts', 'type:order.dispatched', 1);
INSERT INTO public.projection_event VALUES (1, 17, 9, 'counts', 'agent:router', 1);
INSERT INTO public.projection_event VALUES (1, 17, 4, 'counts', 'stream:order-1', 1);
INSERT INTO public.projection_event VALUES (1, 18, 18, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 18, 1, 'counts', 'type:Odd', 1);
INSERT INTO public.projection_event VALUES (1, 18, 1, 'counts', 'stream:letters', 1);
INSERT INTO public.projection_event VALUES (1, 19, 19, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 19, 2, 'counts', 'type:Odd', 1);
INSERT INTO public.projection_event VALUES (1, 19, 2, 'counts', 'stream:letters', 1);
INSERT INTO public.projection_event VALUES (1, 20, 20, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 20, 3, 'counts', 'type:Odd', 1);
INSERT INTO public.projection_event VALUES (1, 20, 3, 'counts', 'stream:letters', 1);
INSERT INTO public.projection_event VALUES (1, 21, 21, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 21, 4, 'counts', 'type:Odd', 1);
INSERT INTO public.projection_event VALUES (1, 21, 4, 'counts', 'stream:letters', 1);
INSERT INTO public.projection_event VALUES (1, 22, 22, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 22, 1, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 22, 5, 'counts', 'agent:cashier', 1);
INSERT INTO public.projection_event VALUES (1, 22, 1, 'counts', 'stream:secret-by-id', 1);
INSERT INTO public.projection_event VALUES (1, 23, 23, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 23, 2, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 23, 1, 'counts', 'stream:secret-by-key', 1);
INSERT INTO public.projection_event VALUES (1, 24, 24, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 24, 3, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 24, 2, 'counts', 'stream:secret-by-key', 1);
INSERT INTO public.projection_event VALUES (1, 25, 25, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 25, 4, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 25, 3, 'counts', 'stream:secret-by-key', 1);
INSERT INTO public.projection_event VALUES (1, 26, 26, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 26, 5, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 26, 1, 'counts', 'stream:secret-among-ids', 1);
INSERT INTO public.projection_event VALUES (1, 27, 27, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 27, 6, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 27, 2, 'counts', 'stream:secret-among-ids', 1);
INSERT INTO public.projection_event VALUES (1, 28, 28, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 28, 7, 'counts', 'type:Charged', 1);
INSERT INTO public.projection_event VALUES (1, 28, 3, 'counts', 'stream:secret-among-ids', 1);
INSERT INTO public.projection_event VALUES (1, 29, 29, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 29, 1, 'counts', 'type:Noted', 1);
INSERT INTO public.projection_event VALUES (1, 29, 1, 'counts', 'stream:plain-by-key', 1);
INSERT INTO public.projection_event VALUES (1, 30, 30, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 30, 1, 'counts', 'type:event.redacted', 1);
INSERT INTO public.projection_event VALUES (1, 30, 1, 'counts', 'agent:ada', 1);
INSERT INTO public.projection_event VALUES (1, 30, 1, 'counts', 'stream:eventsite-redactions', 1);
INSERT INTO public.projection_event VALUES (1, 31, 31, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 31, 2, 'counts', 'type:event.redacted', 1);
INSERT INTO public.projection_event VALUES (1, 31, 2, 'counts', 'agent:ada', 1);
INSERT INTO public.projection_event VALUES (1, 31, 2, 'counts', 'stream:eventsite-redactions', 1);
INSERT INTO public.projection_event VALUES (1, 32, 32, 'counts', 'all', 1);
INSERT INTO public.projection_event VALUES (1, 32, 3, 'counts', 'type:event.redacted', 1);
INSERT INTO public.projection_event VALUES (1, 32, 3, 'counts', 'agent:ada', 1);
INSERT INTO public.projection_event VALUES (1, 32, 3, 'counts', 'stream:eventsite-redactions', 1);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'orders', 'order-1', 1);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'orders', 'order-1', 1);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'orders', 'order-1', 1);
INSERT INTO public.projection_event VALUES (1, 5, 1, 'orders', 'order-2', 1);
INSERT INTO public.projection_event VALUES (1, 6, 2, 'orders', 'order-2', 1);
INSERT INTO public.projection_event VALUES (1, 7, 3, 'orders', 'order-2', 1);
INSERT INTO public.projection_event VALUES (1, 9, 1, 'orders', 'order-3', 1);
INSERT INTO public.projection_event VALUES (1, 10, 2, 'orders', 'order-3', 1);
INSERT INTO public.projection_event VALUES (1, 11, 3, 'orders', 'order-3', 1);
INSERT INTO public.projection_event VALUES (1, 13, 1, 'orders', 'order-4', 1);
INSERT INTO public.projection_event VALUES (1, 14, 2, 'orders', 'order-4', 1);
INSERT INTO public.projection_event VALUES (1, 15, 3, 'orders', 'order-4', 1);
INSERT INTO public.projection_event VALUES (1, 17, 4, 'orders', 'order-1', 1);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'all', 2);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'type:Measured', 2);
INSERT INTO public.projection_event VALUES (1, 1, 1, 'counts', 'stream:run-a', 2);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'counts', 'all', 2);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'counts', 'type:Measured', 2);
INSERT INTO public.projection_event VALUES (1, 2, 2, 'counts', 'stream:run-a', 2);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'counts', 'all', 2);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'counts', 'type:Measured', 2);
INSERT INTO public.projection_event VALUES (1, 3, 3, 'counts', 'stream:run-a', 2);

-- Data for Name: projection_lag; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'agents', 3);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'collisions', 3);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'counts', 3);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'lifecycle', 3);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'orders', 3);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'agents', 1);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'collisions', 1);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'counts', 1);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'lifecycle', 1);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'orders', 1);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'agents', 2);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'collisions', 2);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'counts', 2);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'lifecycle', 2);
INSERT INTO public.projection_lag VALUES (0, '2026-11-30 00:39:00+00', 'orders', 2);

-- Data for Name: projection_state; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.projection_state VALUES (1, 4, 13, 'agents', 'storefront', '{"events":4,"first_seen":"2026-01-01T11:00:00.500000+00:00","last_seen":"2026-01-04T11:00:00.500000+00:00","last":{"type":"order.placed","stream":"order-4","position":13,"at":"2026-01-04T11:00:00.500000+00:00"},"workflow":"order-4","workflows":{"order-1":1,"order-2":5,"order-3":9,"order-4":13},"minutes":{"2026-01-04T11:00+00:00":1},"last_15_minutes":1,"failures":0,"last_failure":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 5, 22, 'agents', 'cashier', '{"events":5,"first_seen":"2026-11-30T00:39:47.857153+00:00","last_seen":"2026-11-30T00:39:49.163279+00:00","last":{"type":"Charged","stream":"secret-by-id","position":22,"at":"2026-11-30T00:39:49.163279+00:00"},"workflow":"order-2","workflows":{"order-1":2,"order-3":10,"order-4":14,"order-2":22},"minutes":{"2026-11-30T00:39+00:00":5},"last_15_minutes":5,"failures":0,"last_failure":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 9, 17, 'agents', 'router', '{"events":9,"first_seen":"2026-11-30T00:39:47.857153+00:00","last_seen":"2026-11-30T00:39:48.958447+00:00","last":{"type":"order.dispatched","stream":"order-1","position":17,"at":"2026-11-30T00:39:48.958447+00:00"},"workflow":"order-1","workflows":{"order-2":7,"order-3":11,"order-4":15,"order-1":17},"minutes":{"2026-11-30T00:39+00:00":9},"last_15_minutes":9,"failures":0,"last_failure":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 32, 'agents', 'ada', '{"events":3,"first_seen":"2026-11-30T00:39:49.677987+00:00","last_seen":"2026-11-30T00:39:49.748871+00:00","last":{"type":"event.redacted","stream":"eventsite-redactions","position":32,"at":"2026-11-30T00:39:49.748871+00:00"},"workflow":"order-2","workflows":{"order-2":30},"minutes":{"2026-11-30T00:39+00:00":3},"last_15_minutes":3,"failures":0,"last_failure":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 32, 'collisions', 'eventsite-redactions', '{"lost":0,"possible":0,"lost_updates":[],"possible_ones":[],"forgotten_keys":0,"written":{},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 17, 'collisions', 'order-1', '{"lost":1,"possible":0,"lost_updates":[{"id":"3/status","verdict":"lost update","stream":"order-1","key":"status","overwritten":{"position":2,"version":2,"event":"paid-1","agent":"cashier","value":"paid"},"by":{"position":3,"version":3,"event":"listed-1","agent":"router","value":"listed"},"because":"router had read up to 1, before 2"}],"possible_ones":[],"forgotten_keys":0,"written":{"order-1":{"customer":{"position":1,"version":1,"event":"placed-1","agent":"storefront","value":"c-1"},"total":{"position":1,"version":1,"event":"placed-1","agent":"storefront","value":10},"card":{"position":2,"version":2,"event":"paid-1","agent":"cashier","value":"card-1"},"status":{"position":3,"version":3,"event":"listed-1","agent":"router","value":"listed"},"van":{"position":17,"version":4,"event":"dispatched-1","agent":"router","value":"van-1"}}},"chain":{"placed-1":[1,null,"order-1",0],"paid-1":[2,"placed-1",null,1],"listed-1":[3,null,null,1]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 2, 12, 'collisions', 'van-1', '{"lost":0,"possible":0,"lost_updates":[],"possible_ones":[],"forgotten_keys":0,"written":{"van-1":{"stops":{"position":12,"version":2,"event":"route-3","agent":"router","value":["order-3"]}}},"chain":{"route-1":[4,"listed-1",null,0],"route-3":[12,"listed-3",null,0]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 7, 'collisions', 'order-2', '{"lost":1,"possible":0,"lost_updates":[{"id":"7/status","verdict":"lost update","stream":"order-2","key":"status","overwritten":{"position":6,"version":2,"event":"paid-2","agent":"cashier","value":"paid"},"by":{"position":7,"version":3,"event":"listed-2","agent":"router","value":"listed"},"because":"router had read up to 2, before 6"}],"possible_ones":[],"forgotten_keys":0,"written":{"order-2":{"customer":{"position":5,"version":1,"event":"placed-2","agent":"storefront","value":"c-2"},"total":{"position":5,"version":1,"event":"placed-2","agent":"storefront","value":20},"card":{"position":6,"version":2,"event":"paid-2","agent":"cashier","value":"card-2"},"status":{"position":7,"version":3,"event":"listed-2","agent":"router","value":"listed"}}},"chain":{"placed-2":[5,null,"order-2",0],"paid-2":[6,"placed-2",null,2],"listed-2":[7,null,null,2]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 2, 16, 'collisions', 'van-0', '{"lost":0,"possible":0,"lost_updates":[],"possible_ones":[],"forgotten_keys":0,"written":{"van-0":{"stops":{"position":16,"version":2,"event":"route-4","agent":"router","value":["order-4"]}}},"chain":{"route-2":[8,"listed-2",null,0],"route-4":[16,"listed-4",null,0]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 11, 'collisions', 'order-3', '{"lost":1,"possible":0,"lost_updates":[{"id":"11/status","verdict":"lost update","stream":"order-3","key":"status","overwritten":{"position":10,"version":2,"event":"paid-3","agent":"cashier","value":"paid"},"by":{"position":11,"version":3,"event":"listed-3","agent":"router","value":"listed"},"because":"router had read up to 3, before 10"}],"possible_ones":[],"forgotten_keys":0,"written":{"order-3":{"customer":{"position":9,"version":1,"event":"placed-3","agent":"storefront","value":"c-3"},"total":{"position":9,"version":1,"event":"placed-3","agent":"storefront","value":30},"card":{"position":10,"version":2,"event":"paid-3","agent":"cashier","value":"card-3"},"status":{"position":11,"version":3,"event":"listed-3","agent":"router","value":"listed"}}},"chain":{"placed-3":[9,null,"order-3",0],"paid-3":[10,"placed-3",null,3],"listed-3":[11,null,null,3]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 15, 'collisions', 'order-4', '{"lost":1,"possible":0,"lost_updates":[{"id":"15/status","verdict":"lost update","stream":"order-4","key":"status","overwritten":{"position":14,"version":2,"event":"paid-4","agent":"cashier","value":"paid"},"by":{"position":15,"version":3,"event":"listed-4","agent":"router","value":"listed"},"because":"router had read up to 4, before 14"}],"possible_ones":[],"forgotten_keys":0,"written":{"order-4":{"customer":{"position":13,"version":1,"event":"placed-4","agent":"storefront","value":"c-4"},"total":{"position":13,"version":1,"event":"placed-4","agent":"storefront","value":40},"card":{"position":14,"version":2,"event":"paid-4","agent":"cashier","value":"card-4"},"status":{"position":15,"version":3,"event":"listed-4","agent":"router","value":"listed"}}},"chain":{"placed-4":[13,null,"order-4",0],"paid-4":[14,"placed-4",null,4],"listed-4":[15,null,null,4]}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 28, 'collisions', 'secret-among-ids', '{"lost":0,"possible":1,"lost_updates":[],"possible_ones":[{"id":"28/n","verdict":"possible","stream":"secret-among-ids","key":"n","overwritten":{"position":26,"version":1,"event":"many-1","agent":null,"value":1},"by":{"position":28,"version":3,"event":"many-3","agent":null,"value":3},"because":"its writer did not say how far it had read, and 26 is not among its causes"}],"forgotten_keys":0,"written":{"secret-among-ids":{"value":{"position":27,"version":2,"event":"many-2","agent":null,"value":null},"n":{"position":28,"version":3,"event":"many-3","agent":null,"value":3}}},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 21, 'collisions', 'letters', '{"lost":0,"possible":3,"lost_updates":[],"possible_ones":[{"id":"19/value","verdict":"possible","stream":"letters","key":"value","overwritten":{"position":18,"version":1,"event":"letters-1","agent":null,"value":"שלום   🙂 it''s \\ \"100%\""},"by":{"position":19,"version":2,"event":"letters-2","agent":null,"value":1208925819614629174706176},"because":"its writer did not say how far it had read, and 18 is not among its causes"},{"id":"20/value","verdict":"possible","stream":"letters","key":"value","overwritten":{"position":19,"version":2,"event":"letters-2","agent":null,"value":1208925819614629174706176},"by":{"position":20,"version":3,"event":"letters-3","agent":null,"value":null},"because":"its writer did not say how far it had read, and 19 is not among its causes"},{"id":"21/value","verdict":"possible","stream":"letters","key":"value","overwritten":{"position":20,"version":3,"event":"letters-3","agent":null,"value":null},"by":{"position":21,"version":4,"event":"letters-4","agent":null,"value":[1.5,{"":{}}]},"because":"its writer did not say how far it had read, and 20 is not among its causes"}],"forgotten_keys":0,"written":{"letters":{"value":{"position":21,"version":4,"event":"letters-4","agent":null,"value":[1.5,{"":{}}]}}},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 22, 'collisions', 'secret-by-id', '{"lost":0,"possible":0,"lost_updates":[],"possible_ones":[],"forgotten_keys":0,"written":{"secret-by-id":{"value":{"position":22,"version":1,"event":"secret-by-id","agent":"cashier","value":null}}},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 25, 'collisions', 'secret-by-key', '{"lost":0,"possible":1,"lost_updates":[],"possible_ones":[{"id":"25/n","verdict":"possible","stream":"secret-by-key","key":"n","overwritten":{"position":24,"version":2,"event":"key-2","agent":null,"value":2},"by":{"position":25,"version":3,"event":"key-3","agent":null,"value":3},"because":"its writer did not say how far it had read, and 24 is not among its causes"}],"forgotten_keys":0,"written":{"secret-by-key":{"value":{"position":23,"version":1,"event":"key-1","agent":null,"value":null},"n":{"position":25,"version":3,"event":"key-3","agent":null,"value":3}}},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 29, 'collisions', 'plain-by-key', '{"lost":0,"possible":0,"lost_updates":[],"possible_ones":[],"forgotten_keys":0,"written":{"plain-by-key":{"n":{"position":29,"version":1,"event":"plain-1","agent":null,"value":1}}},"chain":{}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 32, 32, 'counts', 'all', '{"events":32,"types":{"order.placed":4,"order.paid":4,"order.listed":4,"van.routed":4,"order.dispatched":1,"Odd":4,"Charged":7,"Noted":1,"event.redacted":3},"other_types":0,"agents":{"storefront":4,"cashier":5,"router":9,"ada":3},"other_agents":0,"first":{"position":1,"at":"2026-01-01T11:00:00.500000+00:00"},"last":{"position":32,"at":"2026-11-30T00:39:49.748871+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 13, 'counts', 'type:order.placed', '{"events":4,"types":{"order.placed":4},"other_types":0,"agents":{"storefront":4},"other_agents":0,"first":{"position":1,"at":"2026-01-01T11:00:00.500000+00:00"},"last":{"position":13,"at":"2026-01-04T11:00:00.500000+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 13, 'counts', 'agent:storefront', '{"events":4,"types":{"order.placed":4},"other_types":0,"agents":{"storefront":4},"other_agents":0,"first":{"position":1,"at":"2026-01-01T11:00:00.500000+00:00"},"last":{"position":13,"at":"2026-01-04T11:00:00.500000+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 17, 'counts', 'stream:order-1', '{"events":4,"types":{"order.placed":1,"order.paid":1,"order.listed":1,"order.dispatched":1},"other_types":0,"agents":{"storefront":1,"cashier":1,"router":2},"other_agents":0,"first":{"position":1,"at":"2026-01-01T11:00:00.500000+00:00"},"last":{"position":17,"at":"2026-11-30T00:39:48.958447+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 14, 'counts', 'type:order.paid', '{"events":4,"types":{"order.paid":4},"other_types":0,"agents":{"cashier":4},"other_agents":0,"first":{"position":2,"at":"2026-11-30T00:39:47.857153+00:00"},"last":{"position":14,"at":"2026-11-30T00:39:48.723234+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 5, 22, 'counts', 'agent:cashier', '{"events":5,"types":{"order.paid":4,"Charged":1},"other_types":0,"agents":{"cashier":5},"other_agents":0,"first":{"position":2,"at":"2026-11-30T00:39:47.857153+00:00"},"last":{"position":22,"at":"2026-11-30T00:39:49.163279+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 15, 'counts', 'type:order.listed', '{"events":4,"types":{"order.listed":4},"other_types":0,"agents":{"router":4},"other_agents":0,"first":{"position":3,"at":"2026-11-30T00:39:47.857153+00:00"},"last":{"position":15,"at":"2026-11-30T00:39:48.723234+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 9, 17, 'counts', 'agent:router', '{"events":9,"types":{"order.listed":4,"van.routed":4,"order.dispatched":1},"other_types":0,"agents":{"router":9},"other_agents":0,"first":{"position":3,"at":"2026-11-30T00:39:47.857153+00:00"},"last":{"position":17,"at":"2026-11-30T00:39:48.958447+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 16, 'counts', 'type:van.routed', '{"events":4,"types":{"van.routed":4},"other_types":0,"agents":{"router":4},"other_agents":0,"first":{"position":4,"at":"2026-11-30T00:39:47.986668+00:00"},"last":{"position":16,"at":"2026-11-30T00:39:48.862191+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 2, 12, 'counts', 'stream:van-1', '{"events":2,"types":{"van.routed":2},"other_types":0,"agents":{"router":2},"other_agents":0,"first":{"position":4,"at":"2026-11-30T00:39:47.986668+00:00"},"last":{"position":12,"at":"2026-11-30T00:39:48.577681+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 7, 'counts', 'stream:order-2', '{"events":3,"types":{"order.placed":1,"order.paid":1,"order.listed":1},"other_types":0,"agents":{"storefront":1,"cashier":1,"router":1},"other_agents":0,"first":{"position":5,"at":"2026-01-02T11:00:00.500000+00:00"},"last":{"position":7,"at":"2026-11-30T00:39:48.154601+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 2, 16, 'counts', 'stream:van-0', '{"events":2,"types":{"van.routed":2},"other_types":0,"agents":{"router":2},"other_agents":0,"first":{"position":8,"at":"2026-11-30T00:39:48.226252+00:00"},"last":{"position":16,"at":"2026-11-30T00:39:48.862191+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 25, 'counts', 'stream:secret-by-key', '{"events":3,"types":{"Charged":3},"other_types":0,"agents":{},"other_agents":0,"first":{"position":23,"at":"2026-11-30T00:39:49.278407+00:00"},"last":{"position":25,"at":"2026-11-30T00:39:49.278407+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 11, 'counts', 'stream:order-3', '{"events":3,"types":{"order.placed":1,"order.paid":1,"order.listed":1},"other_types":0,"agents":{"storefront":1,"cashier":1,"router":1},"other_agents":0,"first":{"position":9,"at":"2026-01-03T11:00:00.500000+00:00"},"last":{"position":11,"at":"2026-11-30T00:39:48.465386+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 15, 'counts', 'stream:order-4', '{"events":3,"types":{"order.placed":1,"order.paid":1,"order.listed":1},"other_types":0,"agents":{"storefront":1,"cashier":1,"router":1},"other_agents":0,"first":{"position":13,"at":"2026-01-04T11:00:00.500000+00:00"},"last":{"position":15,"at":"2026-11-30T00:39:48.723234+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 17, 'counts', 'type:order.dispatched', '{"events":1,"types":{"order.dispatched":1},"other_types":0,"agents":{"router":1},"other_agents":0,"first":{"position":17,"at":"2026-11-30T00:39:48.958447+00:00"},"last":{"position":17,"at":"2026-11-30T00:39:48.958447+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 21, 'counts', 'type:Odd', '{"events":4,"types":{"Odd":4},"other_types":0,"agents":{},"other_agents":0,"first":{"position":18,"at":"2026-11-30T00:39:49.070665+00:00"},"last":{"position":21,"at":"2026-11-30T00:39:49.070665+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 21, 'counts', 'stream:letters', '{"events":4,"types":{"Odd":4},"other_types":0,"agents":{},"other_agents":0,"first":{"position":18,"at":"2026-11-30T00:39:49.070665+00:00"},"last":{"position":21,"at":"2026-11-30T00:39:49.070665+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 7, 28, 'counts', 'type:Charged', '{"events":7,"types":{"Charged":7},"other_types":0,"agents":{"cashier":1},"other_agents":0,"first":{"position":22,"at":"2026-11-30T00:39:49.163279+00:00"},"last":{"position":28,"at":"2026-11-30T00:39:49.415550+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 22, 'counts', 'stream:secret-by-id', '{"events":1,"types":{"Charged":1},"other_types":0,"agents":{"cashier":1},"other_agents":0,"first":{"position":22,"at":"2026-11-30T00:39:49.163279+00:00"},"last":{"position":22,"at":"2026-11-30T00:39:49.163279+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 28, 'counts', 'stream:secret-among-ids', '{"events":3,"types":{"Charged":3},"other_types":0,"agents":{},"other_agents":0,"first":{"position":26,"at":"2026-11-30T00:39:49.415550+00:00"},"last":{"position":28,"at":"2026-11-30T00:39:49.415550+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 29, 'counts', 'type:Noted', '{"events":1,"types":{"Noted":1},"other_types":0,"agents":{},"other_agents":0,"first":{"position":29,"at":"2026-11-30T00:39:49.600977+00:00"},"last":{"position":29,"at":"2026-11-30T00:39:49.600977+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 1, 29, 'counts', 'stream:plain-by-key', '{"events":1,"types":{"Noted":1},"other_types":0,"agents":{},"other_agents":0,"first":{"position":29,"at":"2026-11-30T00:39:49.600977+00:00"},"last":{"position":29,"at":"2026-11-30T00:39:49.600977+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 32, 'counts', 'type:event.redacted', '{"events":3,"types":{"event.redacted":3},"other_types":0,"agents":{"ada":3},"other_agents":0,"first":{"position":30,"at":"2026-11-30T00:39:49.677987+00:00"},"last":{"position":32,"at":"2026-11-30T00:39:49.748871+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 32, 'counts', 'agent:ada', '{"events":3,"types":{"event.redacted":3},"other_types":0,"agents":{"ada":3},"other_agents":0,"first":{"position":30,"at":"2026-11-30T00:39:49.677987+00:00"},"last":{"position":32,"at":"2026-11-30T00:39:49.748871+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 32, 'counts', 'stream:eventsite-redactions', '{"events":3,"types":{"event.redacted":3},"other_types":0,"agents":{"ada":3},"other_agents":0,"first":{"position":30,"at":"2026-11-30T00:39:49.677987+00:00"},"last":{"position":32,"at":"2026-11-30T00:39:49.748871+00:00"}}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 17, 'lifecycle', 'order-1', '{"state":"Completed","agents":{"router":"Completed","storefront":"Completed"},"unfinished":{},"finished":{"order-1":"Completed"},"ended":{"Completed":1},"illegal":0,"illegal_transitions":[]}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 5, 30, 'lifecycle', 'order-2', '{"state":"Processing","agents":{"storefront":"Processing"},"unfinished":{"order-2":{"state":"Processing","since":5,"started":{"placed-2":{"type":"order.placed","agent":"storefront","position":5,"at":"2026-01-02T11:00:00.500000+00:00"}}}},"finished":{},"ended":{},"illegal":0,"illegal_transitions":[]}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 11, 'lifecycle', 'order-3', '{"state":"Processing","agents":{"storefront":"Processing"},"unfinished":{"order-3":{"state":"Processing","since":9,"started":{"placed-3":{"type":"order.placed","agent":"storefront","position":9,"at":"2026-01-03T11:00:00.500000+00:00"}}}},"finished":{},"ended":{},"illegal":0,"illegal_transitions":[]}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 15, 'lifecycle', 'order-4', '{"state":"Processing","agents":{"storefront":"Processing"},"unfinished":{"order-4":{"state":"Processing","since":13,"started":{"placed-4":{"type":"order.placed","agent":"storefront","position":13,"at":"2026-01-04T11:00:00.500000+00:00"}}}},"finished":{},"ended":{},"illegal":0,"illegal_transitions":[]}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 4, 17, 'orders', 'order-1', '{"order":"order-1","status":"listed","customer":"c-1","total":10,"route":{},"listed":null,"on_board":{"van":"van-1","position":17},"payment":{"status":null,"attempts":0},"notifications":[],"problems":[],"currency":null,"items":null,"weight_kg":null,"address":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 7, 'orders', 'order-2', '{"order":"order-2","status":"listed","customer":"c-2","total":20,"route":{},"listed":null,"on_board":null,"payment":{"status":null,"attempts":0},"notifications":[],"problems":[],"currency":null,"items":null,"weight_kg":null,"address":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 11, 'orders', 'order-3', '{"order":"order-3","status":"listed","customer":"c-3","total":30,"route":{},"listed":null,"on_board":null,"payment":{"status":null,"attempts":0},"notifications":[],"problems":[],"currency":null,"items":null,"weight_kg":null,"address":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 15, 'orders', 'order-4', '{"order":"order-4","status":"listed","customer":"c-4","total":40,"route":{},"listed":null,"on_board":null,"payment":{"status":null,"attempts":0},"notifications":[],"problems":[],"currency":null,"items":null,"weight_kg":null,"address":null}', DEFAULT, 1);
INSERT INTO public.projection_state VALUES (1, 3, 3, 'collisions', 'run-a', '{"lost":0,"possible":2,"lost_updates":[],"possible_ones":[{"id":"2/n","verdict":"possible","stream":"run-a","key":"n","overwritten":{"position":1,"version":1,"event":"lab-1","agent":null,"value":1},"by":{"position":2,"version":2,"event":"lab-2","agent":null,"value":2},"because":"its writer did not say how far it had read, and 1 is not among its causes"},{"id":"3/n","verdict":"possible","stream":"run-a","key":"n","overwritten":{"position":2,"version":2,"event":"lab-2","agent":null,"value":2},"by":{"position":3,"version":3,"event":"lab-3","agent":null,"value":3},"because":"its writer did not say how far it had read, and 2 is not among its causes"}],"forgotten_keys":0,"written":{"run-a":{"n":{"position":3,"version":3,"event":"lab-3","agent":null,"value":3}}},"chain":{}}', DEFAULT, 2);
INSERT INTO public.projection_state VALUES (1, 3, 3, 'counts', 'all', '{"events":3,"types":{"Measured":3},"other_types":0,"agents":{},"other_agents":0,"first":{"position":1,"at":"2026-11-30T00:39:49.815859+00:00"},"last":{"position":3,"at":"2026-11-30T00:39:49.989425+00:00"}}', DEFAULT, 2);
INSERT INTO public.projection_state VALUES (1, 3, 3, 'counts', 'type:Measured', '{"events":3,"types":{"Measured":3},"other_types":0,"agents":{},"other_agents":0,"first":{"position":1,"at":"2026-11-30T00:39:49.815859+00:00"},"last":{"position":3,"at":"2026-11-30T00:39:49.989425+00:00"}}', DEFAULT, 2);
INSERT INTO public.projection_state VALUES (1, 3, 3, 'counts', 'stream:run-a', '{"events":3,"types":{"Measured":3},"other_types":0,"agents":{},"other_agents":0,"first":{"position":1,"at":"2026-11-30T00:39:49.815859+00:00"},"last":{"position":3,"at":"2026-11-30T00:39:49.989425+00:00"}}', DEFAULT, 2);

-- Data for Name: redaction; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.redaction VALUES (22, 30, '2026-11-30 00:39:49.677987+00', 'ada', 'a pin', 1);
INSERT INTO public.redaction VALUES (23, 31, '2026-11-30 00:39:49.723266+00', 'ada', 'a pin', 1);
INSERT INTO public.redaction VALUES (27, 32, '2026-11-30 00:39:49.748871+00', 'ada', 'a pin', 1);

-- Data for Name: sign_in_link; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: snapshot; Type: TABLE DATA; Schema: public; Owner: -
-- Data for Name: stream; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.stream VALUES (3, 7, 'order-2', 'order', 1);
INSERT INTO public.stream VALUES (3, 11, 'order-3', 'order', 1);
INSERT INTO public.stream VALUES (2, 12, 'van-1', 'van', 1);
INSERT INTO public.stream VALUES (3, 15, 'order-4', 'order', 1);
INSERT INTO public.stream VALUES (2, 16, 'van-0', 'van', 1);
INSERT INTO public.stream VALUES (4, 17, 'order-1', 'order', 1);
INSERT INTO public.stream VALUES (4, 21, 'letters', NULL, 1);
INSERT INTO public.stream VALUES (1, 22, 'secret-by-id', 'secret', 1);
INSERT INTO public.stream VALUES (3, 25, 'secret-by-key', 'secret', 1);
INSERT INTO public.stream VALUES (3, 28, 'secret-among-ids', 'secret', 1);
INSERT INTO public.stream VALUES (1, 29, 'plain-by-key', 'plain', 1);
INSERT INTO public.stream VALUES (3, 32, 'eventsite-redactions', 'eventsite', 1);
INSERT INTO public.stream VALUES (3, 3, 'run-a', 'run', 2);

-- Data for Name: token; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.token VALUES (1, 'till', '\x452cff48fc1543358c4343d4640df009ac9c24ada50195c956a7a69411934051', '{append}', '', 'cashier', NULL, NULL, NULL, '2026-11-30 00:39:47.506016+00', 1);

-- Data for Name: workflow; Type: TABLE DATA; Schema: public; Owner: -
INSERT INTO public.workflow VALUES (9, 11, 3, '2026-11-30 00:39:48.352032+00', '2026-11-30 00:39:48.465386+00', 'order-3', '{cashier,storefront,router}', 1, '2026-01-03 11:00:00.5+00', '2026-01-03 11:00:00.5+00');
INSERT INTO public.workflow VALUES (13, 15, 3, '2026-11-30 00:39:48.645714+00', '2026-11-30 00:39:48.723234+00', 'order-4', '{cashier,storefront,router}', 1, '2026-01-04 11:00:00.5+00', '2026-01-04 11:00:00.5+00');
INSERT INTO public.workflow VALUES (1, 17, 4, '2026-11-30 00:39:47.665375+00', '2026-11-30 00:39:48.958447+00', 'order-1', '{cashier,storefront,router}', 1, '2026-01-01 11:00:00.5+00', '2026-01-01 11:00:00.5+00');
INSERT INTO public.workflow VALUES (5, 30, 5, '2026-11-30 00:39:48.069379+00', '2026-11-30 00:39:49.677987+00', 'order-2', '{ada,cashier,storefront,router}', 1, '2026-01-02 11:00:00.5+00', '2026-01-02 11:00:00.5+00');

-- Name: auth_group_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_group_id_seq', 1, false);

-- Name: auth_group_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_group_permissions_id_seq', 1, false);

-- Name: auth_permission_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_permission_id_seq', 84, true);

-- Name: auth_user_groups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_user_groups_id_seq', 1, false);

-- Name: auth_user_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_user_id_seq', 1, true);

-- Name: auth_user_user_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.auth_user_user_permissions_id_seq', 1, false);

-- Name: django_content_type_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.django_content_type_id_seq', 21, true);

-- Name: django_migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.django_migrations_id_seq', 23, true);

-- Name: job_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.job_id_seq', 1, false);

-- Name: log_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.log_id_seq', 3, true);

-- Name: member_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.member_id_seq', 3, true);

-- Name: sign_in_link_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.sign_in_link_id_seq', 1, false);

-- Name: token_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
SELECT pg_catalog.setval('public.token_id_seq', 1, true);

-- Name: append_key append_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.append_key
    ADD CONSTRAINT append_key_pkey PRIMARY KEY (log_id, key);

-- Name: auth_group auth_group_name_key; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);

-- Name: auth_group_permissions auth_group_permissions_group_id_permission_id_0cd325b0_uniq; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);

-- Name: auth_group_permissions auth_group_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);

-- Name: auth_group auth_group_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);

-- Name: auth_permission auth_permission_content_type_id_codename_01ab375a_uniq; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);

-- Name: auth_permission auth_permission_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);

-- Name: auth_user_groups auth_user_groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_groups
    ADD CONSTRAINT auth_user_groups_pkey PRIMARY KEY (id);

-- Name: auth_user_groups auth_user_groups_user_id_group_id_94350c0c_uniq; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_groups
    ADD CONSTRAINT auth_user_groups_user_id_group_id_94350c0c_uniq UNIQUE (user_id, group_id);

-- Name: auth_user auth_user_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_pkey PRIMARY KEY (id);

-- Name: auth_user_user_permissions auth_user_user_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_user_permissions
    ADD CONSTRAINT auth_user_user_permissions_pkey PRIMARY KEY (id);

-- Name: auth_user_user_permissions auth_user_user_permissions_user_id_permission_id_14a6b632_uniq; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_user_permissions
    ADD CONSTRAINT auth_user_user_permissions_user_id_permission_id_14a6b632_uniq UNIQUE (user_id, permission_id);

-- Name: auth_user auth_user_username_key; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_username_key UNIQUE (username);

-- Name: checkpoint checkpoint_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (log_id, projection, build);

-- Name: django_content_type django_content_type_app_label_model_76bd3d3b_uniq; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);

-- Name: django_content_type django_content_type_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);

-- Name: django_migrations django_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

-- Name: django_session django_session_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.django_session
    ADD CONSTRAINT django_session_pkey PRIMARY KEY (session_key);

-- Name: event event_id; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_id UNIQUE (log_id, id);

-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (log_id, "position");

-- Name: event event_stream_version; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_stream_version UNIQUE (log_id, stream, version);

-- Name: job job_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);

-- Name: log log_name_key; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.log
    ADD CONSTRAINT log_name_key UNIQUE (name);

-- Name: log log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.log
    ADD CONSTRAINT log_pkey PRIMARY KEY (id);

-- Name: member member_once; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_once UNIQUE (log_id, user_id);

-- Name: member member_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (id);

-- Name: parked parked_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (log_id, projection, build, key);

-- Name: projection_event projection_event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.projection_event
    ADD CONSTRAINT projection_event_pkey PRIMARY KEY (log_id, projection, build, key, "position");

-- Name: projection_lag projection_lag_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.projection_lag
    ADD CONSTRAINT projection_lag_pkey PRIMARY KEY (log_id, projection, minute);

-- Name: projection_state projection_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.projection_state
    ADD CONSTRAINT projection_state_pkey PRIMARY KEY (log_id, projection, build, key);

-- Name: redaction redaction_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.redaction
    ADD CONSTRAINT redaction_pkey PRIMARY KEY (log_id, "position");

-- Name: sign_in_link sign_in_link_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_hash_key UNIQUE (hash);

-- Name: sign_in_link sign_in_link_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_pkey PRIMARY KEY (id);

-- Name: snapshot snapshot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.snapshot
    ADD CONSTRAINT snapshot_pkey PRIMARY KEY (log_id, projection, kind, source, fingerprint, n);

-- Name: stream stream_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (log_id, name);

-- Name: token token_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_hash_key UNIQUE (hash);

-- Name: token token_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (id);

-- Name: workflow workflow_pkey; Type: CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.workflow
    ADD CONSTRAINT workflow_pkey PRIMARY KEY (log_id, correlation_id);

-- Name: auth_group_name_a6ea08ec_like; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);

-- Name: auth_group_permissions_group_id_b120cbf9; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);

-- Name: auth_group_permissions_permission_id_84c5c92e; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);

-- Name: auth_permission_content_type_id_2f476e4b; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);

-- Name: auth_user_groups_group_id_97559544; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_user_groups_group_id_97559544 ON public.auth_user_groups USING btree (group_id);

-- Name: auth_user_groups_user_id_6a12ed8b; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_user_groups_user_id_6a12ed8b ON public.auth_user_groups USING btree (user_id);

-- Name: auth_user_user_permissions_permission_id_1fbb5f2c; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_user_user_permissions_permission_id_1fbb5f2c ON public.auth_user_user_permissions USING btree (permission_id);

-- Name: auth_user_user_permissions_user_id_a95ead1b; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_user_user_permissions_user_id_a95ead1b ON public.auth_user_user_permissions USING btree (user_id);

-- Name: auth_user_username_6821ab7c_like; Type: INDEX; Schema: public; Owner: -
CREATE INDEX auth_user_username_6821ab7c_like ON public.auth_user USING btree (username varchar_pattern_ops);

-- Name: checkpoint_live; Type: INDEX; Schema: public; Owner: -
CREATE UNIQUE INDEX checkpoint_live ON public.checkpoint USING btree (log_id, projection) WHERE is_live;

-- Name: django_session_expire_date_a5c62663; Type: INDEX; Schema: public; Owner: -
CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date);

-- Name: django_session_session_key_c0390e0f_like; Type: INDEX; Schema: public; Owner: -
CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops);

-- Name: event_agent; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_agent ON public.event USING btree (log_id, agent, "position") WHERE (agent IS NOT NULL);

-- Name: event_at; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_at ON public.event USING btree (log_id, COALESCE(occurred_at, recorded_at));

-- Name: event_causation; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_causation ON public.event USING btree (log_id, causation_id, "position") WHERE (causation_id IS NOT NULL);

-- Name: event_correlation; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_correlation ON public.event USING btree (log_id, correlation_id, "position") WHERE (correlation_id IS NOT NULL);

-- Name: event_type; Type: INDEX; Schema: public; Owner: -
CREATE INDEX event_type ON public.event USING btree (log_id, type, "position");

-- Name: job_active; Type: INDEX; Schema: public; Owner: -
CREATE UNIQUE INDEX job_active ON public.job USING btree (log_id, kind, key) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

-- Name: job_log; Type: INDEX; Schema: public; Owner: -
CREATE INDEX job_log ON public.job USING btree (log_id, id DESC);

-- Name: job_waiting; Type: INDEX; Schema: public; Owner: -
CREATE INDEX job_waiting ON public.job USING btree (id) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

-- Name: log_name_71e8e0d5_like; Type: INDEX; Schema: public; Owner: -
CREATE INDEX log_name_71e8e0d5_like ON public.log USING btree (name text_pattern_ops);

-- Name: member_log_id_655a09e3; Type: INDEX; Schema: public; Owner: -
CREATE INDEX member_log_id_655a09e3 ON public.member USING btree (log_id);

-- Name: member_user_id_4d954c77; Type: INDEX; Schema: public; Owner: -
CREATE INDEX member_user_id_4d954c77 ON public.member USING btree (user_id);

-- Name: sign_in_link_user_id_fb6bc123; Type: INDEX; Schema: public; Owner: -
CREATE INDEX sign_in_link_user_id_fb6bc123 ON public.sign_in_link USING btree (user_id);

-- Name: snapshot_position; Type: INDEX; Schema: public; Owner: -
CREATE INDEX snapshot_position ON public.snapshot USING btree (log_id, projection, kind, source, fingerprint, "position");

-- Name: stream_category; Type: INDEX; Schema: public; Owner: -
CREATE INDEX stream_category ON public.stream USING btree (log_id, category, name) WHERE (category IS NOT NULL);

-- Name: stream_last_position; Type: INDEX; Schema: public; Owner: -
CREATE INDEX stream_last_position ON public.stream USING btree (log_id, last_position DESC);

-- Name: token_log_id_9a30e1a4; Type: INDEX; Schema: public; Owner: -
CREATE INDEX token_log_id_9a30e1a4 ON public.token USING btree (log_id);

-- Name: workflow_last_position; Type: INDEX; Schema: public; Owner: -
CREATE INDEX workflow_last_position ON public.workflow USING btree (log_id, last_position DESC);

-- Name: append_key append_key_change; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER append_key_change BEFORE DELETE OR UPDATE ON public.append_key FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.append_key ENABLE ALWAYS TRIGGER append_key_change;

-- Name: append_key append_key_truncate; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER append_key_truncate BEFORE TRUNCATE ON public.append_key FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.append_key ENABLE ALWAYS TRIGGER append_key_truncate;

-- Name: event event_delete; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER event_delete BEFORE DELETE ON public.event FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.event ENABLE ALWAYS TRIGGER event_delete;

-- Name: event event_truncate; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER event_truncate BEFORE TRUNCATE ON public.event FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.event ENABLE ALWAYS TRIGGER event_truncate;

-- Name: event event_update; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER event_update BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION public.guard_event();

ALTER TABLE public.event ENABLE ALWAYS TRIGGER event_update;

-- Name: log log_change; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER log_change BEFORE DELETE OR UPDATE ON public.log FOR EACH ROW EXECUTE FUNCTION public.guard_log();

ALTER TABLE public.log ENABLE ALWAYS TRIGGER log_change;

-- Name: log log_truncate; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER log_truncate BEFORE TRUNCATE ON public.log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.log ENABLE ALWAYS TRIGGER log_truncate;

-- Name: redaction redaction_change; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER redaction_change BEFORE DELETE OR UPDATE ON public.redaction FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.redaction ENABLE ALWAYS TRIGGER redaction_change;

-- Name: redaction redaction_insert; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER redaction_insert BEFORE INSERT ON public.redaction FOR EACH ROW EXECUTE FUNCTION public.guard_redaction();

ALTER TABLE public.redaction ENABLE ALWAYS TRIGGER redaction_insert;

-- Name: redaction redaction_truncate; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER redaction_truncate BEFORE TRUNCATE ON public.redaction FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.redaction ENABLE ALWAYS TRIGGER redaction_truncate;

-- Name: stream stream_delete; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER stream_delete BEFORE DELETE ON public.stream FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.stream ENABLE ALWAYS TRIGGER stream_delete;

-- Name: stream stream_truncate; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER stream_truncate BEFORE TRUNCATE ON public.stream FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE public.stream ENABLE ALWAYS TRIGGER stream_truncate;

-- Name: stream stream_update; Type: TRIGGER; Schema: public; Owner: -
CREATE TRIGGER stream_update BEFORE UPDATE ON public.stream FOR EACH ROW EXECUTE FUNCTION public.guard_stream();

ALTER TABLE public.stream ENABLE ALWAYS TRIGGER stream_update;

-- Name: auth_group_permissions auth_group_permissio_permission_id_84c5c92e_fk_auth_perm; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_group_permissions auth_group_permissions_group_id_b120cbf9_fk_auth_group_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_permission auth_permission_content_type_id_2f476e4b_fk_django_co; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_user_groups auth_user_groups_group_id_97559544_fk_auth_group_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_groups
    ADD CONSTRAINT auth_user_groups_group_id_97559544_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_user_groups auth_user_groups_user_id_6a12ed8b_fk_auth_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_groups
    ADD CONSTRAINT auth_user_groups_user_id_6a12ed8b_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_user_user_permissions auth_user_user_permi_permission_id_1fbb5f2c_fk_auth_perm; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_user_permissions
    ADD CONSTRAINT auth_user_user_permi_permission_id_1fbb5f2c_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: auth_user_user_permissions auth_user_user_permissions_user_id_a95ead1b_fk_auth_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.auth_user_user_permissions
    ADD CONSTRAINT auth_user_user_permissions_user_id_a95ead1b_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: member member_log_id_655a09e3_fk_log_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_log_id_655a09e3_fk_log_id FOREIGN KEY (log_id) REFERENCES public.log(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: member member_user_id_4d954c77_fk_auth_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_user_id_4d954c77_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: sign_in_link sign_in_link_user_id_fb6bc123_fk_auth_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_user_id_fb6bc123_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;

-- Name: token token_log_id_9a30e1a4_fk_log_id; Type: FK CONSTRAINT; Schema: public; Owner: -
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_log_id_9a30e1a4_fk_log_id FOREIGN KEY (log_id) REFERENCES public.log(id) DEFERRABLE INITIALLY DEFERRED;

-- PostgreSQL database dump complete
