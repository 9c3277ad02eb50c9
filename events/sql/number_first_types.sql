-- Numbers the types of the events that logs list already. It runs once, in a migration.
--
-- The index of types leads from each type to the next and to its first event, so few rows are read, however many events
-- a log has. A log with more types than that is worth (a type with each event) is read from its beginning until enough
-- types are numbered.
create function number_first_types(p_log int, p_upto bigint, p_most int) returns void language plpgsql volatile
set enable_seqscan = off set enable_sort = off set jit = off
as $$
declare
    v_types text[];
    v_after bigint := 0;
begin
    v_types := array(
        with recursive seen(type) as (
            (select type from event where log_id = p_log order by type limit 1)
            union all
            select (select type from event where log_id = p_log and type > seen.type order by type limit 1)
            from seen where seen.type is not null
        )
        select type from seen where type is not null limit p_most + 1
    );
    if cardinality(v_types) <= p_most then
        insert into numbered_type (log_id, number, name)
        select p_log, row_number() over (order by first.position), t.type
        from unnest(v_types) t(type) cross join lateral (
            select position from event where log_id = p_log and type = t.type
            order by (position >> 10)::int4, position limit 1
        ) first
        where first.position <= p_upto
        order by first.position limit 960;
        return;
    end if;
    while v_after < p_upto and not exists (select from numbered_type where log_id = p_log and number = 960) loop
        perform number_types(p_log, v_after, least(p_upto, v_after + 10000));
        v_after := v_after + 10000;
    end loop;
end $$;

select number_first_types(c.log_id, c.position, 10000)
from (select * from list_checkpoint where position > 0 order by log_id for update) c;

drop function number_first_types(int, bigint, int);
