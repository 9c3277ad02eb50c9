-- The second half of the guard `lease_move`: the lease gets its holder, and its token, which is the position of the event that
-- grants it. `first` is the place of that event in the flush, from 1. Without a `ttl` the lease ends.
create or replace function move_leases(p_log int, p_head bigint, p_moves json) returns void language plpgsql volatile as $$
declare
    m record;
begin
    for m in
        select * from json_to_recordset(p_moves) n(kind text, name text, holder text, ttl int, first bigint)
    loop
        if m.ttl is null then
            delete from lease where log_id = p_log and kind = m.kind and name = m.name;
        else
            insert into lease (log_id, kind, name, token, holder, expires_at)
            values (p_log, m.kind, m.name, p_head + m.first, m.holder, clock_timestamp() + make_interval(secs => m.ttl))
            on conflict (log_id, kind, name) do update
            set token = excluded.token, holder = excluded.holder, expires_at = excluded.expires_at;
        end if;
    end loop;
end $$;
