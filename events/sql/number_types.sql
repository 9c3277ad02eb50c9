-- Numbers the types that some events of a log are the first to have, in the order of these events, after the types that
-- have a number. A type keeps its number for ever: it gives the type's colour and shape.
--
-- The first 960 types of a log are numbered, no more: somebody may append a new type with each event. The caller holds the
-- log's checkpoint, and numbers events in order.
create or replace function number_types(p_log int, p_after bigint, p_upto bigint) returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_numbered constant int := (select coalesce(max(number), 0) from numbered_type where log_id = p_log);
begin
    if v_numbered = 960 then
        return;
    end if;
    insert into numbered_type (log_id, number, name)
    select p_log, v_numbered + row_number() over (order by new.first_position), new.type
    from (
        select e.type, min(e.position) as first_position
        from (select * from event where log_id = p_log and position > p_after and position <= p_upto offset 0) e
        group by e.type
    ) new
    where not exists (select from numbered_type t where t.log_id = p_log and t.name = new.type)
    order by new.first_position limit 960 - v_numbered;
end $$;
