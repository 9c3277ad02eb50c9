-- The guard `if`: nothing that fits a query may have come after a position.
--
-- Each condition has `after`, the position up to which it is checked already; `fits`, a condition on columns of `event` as
-- SQL, its values as literals (query/compiled.py); and `reads`, the number of its terms that read data or metadata. Only what
-- came after is looked at here, as the log is locked: one look at those events for all conditions. If more than `p_most`
-- events came, or too much to read, nothing is looked at and the refusal says `far`: the caller checks without the lock, and
-- comes back with a later position.
create or replace function check_conditions(p_log int, p_head bigint, p_conditions json, p_most int default 10000)
returns json language plpgsql volatile as $$
declare
    -- Bytes of data and metadata, counted once for each term that reads them. This many take about a tenth of a second.
    v_most_bytes constant bigint := 8 * 1024 * 1024;
    v_is_far boolean;
    v_is_much boolean;
    v_reads bigint;
    v_after bigint;
    v_tests text;
    v_positions bigint[];
    refusals json;
begin
    select bool_or(p_head - c.after > p_most), sum(c.reads), min(c.after) filter (where c.reads > 0)
    into v_is_far, v_reads, v_after
    from json_to_recordset(p_conditions) c(after bigint, reads int);
    if not v_is_far and v_after < p_head then
        select v_reads * sum(octet_length(data::text) + octet_length(metadata::text)) > v_most_bytes into v_is_much
        from event where log_id = p_log and position > v_after;
    end if;
    if v_is_far or v_is_much then
        select json_agg(json_build_object('append', c.append, 'guard', c.guard, 'far', true)) into refusals
        from json_to_recordset(p_conditions) c(append int, guard int, after bigint, reads int)
        where p_head - c.after > p_most or (v_is_much and c.reads > 0);
        return refusals;
    end if;

    select min(c.after),
        string_agg(format('min(position) filter (where position > %s and (%s))', c.after, c.fits), ', ' order by c.n)
    into v_after, v_tests
    from rows from (json_to_recordset(p_conditions) as (after bigint, fits text)) with ordinality c(after, fits, n);
    if v_after >= p_head then
        return null;
    end if;
    -- The first event that stands against each condition.
    execute format('select array[%s] from event where log_id = %s and position > %s', v_tests, p_log, v_after)
    into v_positions;
    if cardinality(array_remove(v_positions, null)) = 0 then
        return null;
    end if;

    select json_agg(r) into refusals
    from (
        select distinct on (c.append) c.append, c.guard, e.position, e.stream, e.type, e.id
        from rows from (json_to_recordset(p_conditions) as (append int, guard int)) with ordinality c(append, guard, n)
        join event e on e.log_id = p_log and e.position = v_positions[c.n]
        order by c.append, e.position
    ) r;
    return refusals;
end $$;
