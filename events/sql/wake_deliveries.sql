-- Ends what has waited long enough: pauses before further attempts, and deliveries whose deadline has passed.
--
-- `delivery_due` finds them, so this costs nothing while there are none. The caller holds the subscription's lock.
create or replace function wake_deliveries(p_log int, p_subscription int, p_now timestamptz)
returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_due bigint[];
    v_expired bigint[];
begin
    v_due := array(
        select position from delivery
        where log_id = p_log and subscription_id = p_subscription and state in (1, 2) and due <= p_now
        order by due limit 1000);
    if v_due = '{}' then
        return;
    end if;
    -- A consumer may settle one of them at this moment: what it has done is seen when its lock is free.
    perform from delivery
    where log_id = p_log and subscription_id = p_subscription and position = any (v_due) order by key, position for update;
    v_expired := array(
        select position from delivery
        where log_id = p_log and subscription_id = p_subscription and position = any (v_due) and state = 1 and due <= p_now);
    update delivery set state = 0, due = null, token = null
    where log_id = p_log and subscription_id = p_subscription and position = any (v_due) and state = 2 and due <= p_now;
    if v_expired <> '{}' then
        perform fail_deliveries(p_log, p_subscription, p_now, v_expired, 'expired', null,
            'Expired', 'The deadline passed.', null, 'The deadline passed.', '', 'expired');
    end if;
end $$;
