-- The guard `if`: nothing that fits a query may have come after a position.
--
-- Each condition has `after`, the position up to which it is checked already, and `fits`, a condition on columns of `event`
-- as SQL, its values as literals (query/compiled.py). Only what came after is looked at here, as the log is locked: one look
-- at those events for all conditions. If more than `p_most` events came, nothing is looked at and the refusal says `far`:
-- the caller checks without the lock, and comes back with a later position.
create or replace function check_conditions(p_log int, p_head bigint, p_conditions json, p_most int default 1000)
returns json language plpgsql volatile as $$
declare
    v_after bigint;
    v_tests text;
    v_positions bigint[];
    refusals json;
begin
    select json_agg(json_build_object('append', c.append, 'guard', c.guard, 'far', true)) into refusals
    from json_to_recordset(p_conditions) c(append int, guard int, after bigint)
    where p_head - c.after > p_most;
    if refusals is not null then
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
