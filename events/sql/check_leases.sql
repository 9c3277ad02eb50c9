-- The guard `lease`: the writer of an append holds a lease. Its last grant is the one at `token`, and it has not run out by
-- the clock of this database. With an `agent`, this must be the holder.
create or replace function check_leases(p_log int, p_leases json) returns json language plpgsql volatile as $$
declare
    refusals json;
begin
    select json_agg(json_build_object(
        'append', g.append, 'guard', g.guard, 'token', l.token, 'holder', l.holder, 'expires_at', l.expires_at,
        'is_live', l.expires_at > clock_timestamp()))
    into refusals
    from json_to_recordset(p_leases) g(append int, guard int, kind text, name text, token bigint, agent text)
    left join lateral (
        select * from lease
        where lease.log_id = p_log and lease.kind = g.kind and lease.name = g.name order by lease.name limit 1
    ) l on true
    where l.token is distinct from g.token or l.expires_at <= clock_timestamp() or l.holder <> g.agent;
    return refusals;
end $$;
