-- The first half of the guard `lease_move`: a lease that is granted, or ended (`ttl` is null), is still the one of the grant
-- at `after`, or nobody's if that is null. A new grant waits until the lease has run out, by the clock of this database. A
-- paused agent gets no lease, and nobody gets that of a paused workflow: the refusal has the `pause`.
--
-- The row stays locked, so that nobody renews or releases the lease before it is moved (move_leases.sql). Whoever locks more
-- than one row holds the log's lock.
create or replace function check_lease_moves(p_log int, p_moves json) returns json language plpgsql volatile as $$
declare
    m record;
    v_token bigint;
    v_expires_at timestamptz;
    v_pause json;
    refusals json[];
begin
    for m in
        select * from json_to_recordset(p_moves) n(append int, guard int, kind text, name text, after bigint, holder text, ttl int)
    loop
        select token, expires_at into v_token, v_expires_at
        from lease where log_id = p_log and kind = m.kind and name = m.name for update;
        v_pause := case when m.ttl is not null
            then pause_of(p_log, m.holder, case when m.kind = 'workflow' then m.name end) end;
        if v_pause is not null or v_token is distinct from m.after or (m.ttl is not null and v_expires_at > clock_timestamp()) then
            refusals := refusals || json_build_object('append', m.append, 'guard', m.guard, 'pause', v_pause);
        end if;
    end loop;
    return array_to_json(refusals);
end $$;
