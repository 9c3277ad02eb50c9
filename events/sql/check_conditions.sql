-- The guard `if`: nothing that fits a query may have come after a position.
--
-- Each condition has `after`, the position up to which it is checked already, and `fits`, a condition on columns of `event`
-- as SQL, its values as literals (query/compiled.py). Only what came after is looked at here, as the log is locked: all
-- conditions in one look at those events. If more than `p_most` events came, nothing is looked at and the refusal says `far`:
-- the caller checks without the lock, and comes back with a later position.
create or replace function check_conditions(p_log int, p_head bigint, p_conditions json, p_most int default 1000)
returns json language plpgsql volatile as $$
declare
    v_after bigint;
    v_tests text;
    refusals json;
begin
    select json_agg(json_build_object('append', c.append, 'guard', c.guard, 'far', true)) into refusals
    from json_to_recordset(p_conditions) c(append int, guard int, after bigint)
    where p_head - c.after > p_most;
    if refusals is not null then
        return refusals;
    end if;

    select min(c.after), string_agg(format('(%s, %s, position > %s and (%s))', c.append, c.guard, c.after, c.fits), ', ')
    into v_after, v_tests
    from json_to_recordset(p_conditions) c(append int, guard int, after bigint, fits text)
    where c.after < p_head;
    if v_tests is null then
        return null;
    end if;
    -- The first event that stands against each append.
    execute format($sql$
        select json_agg(e)
        from (
            select distinct on (append) test.append, test.guard, event.position, event.stream, event.type, event.id
            from event cross join lateral (values %s) test(append, guard, fits)
            where event.log_id = %s and event.position > %s and test.fits
            order by append, event.position
        ) e
    $sql$, v_tests, p_log, v_after) into refusals;
    return refusals;
end $$;
