-- The second half of the guard `pause`: puts the pause into its table, or takes it out, and sets the log's rules. The leases
-- of a paused agent end, and so does the lease of a paused workflow: others may take them at once.
--
-- `last` is the place in the flush (from 1) of the event that pauses or resumes.
create or replace function set_pauses(p_log int, p_head bigint, p_pauses json) returns void language plpgsql volatile as $$
begin
    delete from pause p
    using json_to_recordset(p_pauses) n(kind text, name text, pauses boolean)
    where not n.pauses and p.log_id = p_log and p.kind = n.kind and p.name = n.name;
    insert into pause (log_id, kind, name, position)
    select p_log, n.kind, n.name, p_head + n.last
    from json_to_recordset(p_pauses) n(kind text, name text, pauses boolean, last bigint)
    where n.pauses;
    delete from lease l
    using json_to_recordset(p_pauses) n(kind text, name text, pauses boolean)
    where n.pauses and l.log_id = p_log
        and (n.kind = 'agent' and l.holder = n.name or n.kind = 'workflow' and l.kind = 'workflow' and l.name = n.name);
    perform set_rules_at(p_log, p_head, p_pauses);
end $$;
