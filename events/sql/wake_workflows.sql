-- Lets the events of workflows that were resumed be delivered. They are looked at only if a rule of the log has changed since the
-- last time: a pause is one. The caller holds the subscription's lock, and knows its `rules_at`.
create or replace function wake_workflows(p_log int, p_subscription int, p_rules_at bigint) returns void language plpgsql volatile as $$
declare
    v_rules_at bigint;
begin
    -- The rules are read before the pauses: if another one comes in between, the next call looks again.
    select h.rules_at into strict v_rules_at from log_head h where h.log_id = p_log;
    if v_rules_at = p_rules_at then
        return;
    end if;
    update delivery d set state = 0
    where d.log_id = p_log and d.subscription_id = p_subscription and d.state = 4 and not is_paused(
        p_log, null, (select e.correlation_id from event e where e.log_id = p_log and e.position = d.position));
    update subscription set rules_at = v_rules_at where log_id = p_log and id = p_subscription;
end $$;
