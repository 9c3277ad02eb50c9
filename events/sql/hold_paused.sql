-- Takes the events of paused workflows back from a take, which costs no attempt; returns the positions of the others. They hold
-- their keys, and wait apart from those that are ready, until wake_workflows().
--
-- The caller holds the subscription's lock, and these rows are in flight.
create or replace function hold_paused(p_log int, p_subscription int, p_positions bigint[]) returns bigint[]
language plpgsql volatile as $$
declare
    v_held bigint[];
begin
    if not exists (select from pause p where p.log_id = p_log and p.kind = 'workflow') then
        return p_positions;
    end if;
    v_held := array(
        select e.position from event e
        where e.log_id = p_log and e.position = any (p_positions) and is_paused(p_log, null, e.correlation_id));
    if v_held = '{}' then
        return p_positions;
    end if;
    update delivery set
        state = 4, attempt = attempt - 1, due = null, taken_at = null, head = null, token = null, consumer = null, agent = null,
        request = null
    where log_id = p_log and subscription_id = p_subscription and position = any (v_held);
    return array(select p from unnest(p_positions) p where p <> all (v_held) order by p);
end $$;
