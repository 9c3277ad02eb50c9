-- The guard `lease_demands`: an append that sets for what its log demands leases, which is a rule of the log.
--
-- `last` is the place in the flush (from 1) of the event that says so.
create or replace function set_lease_demands(p_log int, p_head bigint, p_demands json) returns void
language sql volatile as $$
    insert into lease_demands (log_id, workflows, streams, types)
    select p_log, d.workflows, d.streams, d.types
    from json_to_recordset(p_demands) d(workflows boolean, streams text[], types text[], last bigint)
    order by d.last desc limit 1
    on conflict (log_id) do update
    set workflows = excluded.workflows, streams = excluded.streams, types = excluded.types;
    select set_rules_at(p_log, p_head, p_demands);
$$;
