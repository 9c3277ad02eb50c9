-- The guard `rule`: an append that sets a rule of the log. Whoever plans an append later has to know the log up to here.
--
-- `last` is the place in the flush (from 1) of the append's last event.
create or replace function set_rules_at(p_log int, p_head bigint, p_rules json) returns void language sql volatile as $$
    update log_head
    set rules_at = p_head + (select max(r.last) from json_to_recordset(p_rules) r(last bigint))
    where log_id = p_log
$$;
