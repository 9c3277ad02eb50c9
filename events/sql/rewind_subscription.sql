-- Sets the place of a subscription. Back: what came after the position is read again. Forward: it is skipped, with all that is
-- not settled. Whatever is unsettled after `p_after` goes: deliveries (a later settlement is told `expired`), waiting events and
-- what is known of failures; dead letters there are closed.
--
-- The caller holds the subscription's lock. By the new version every server learns that its kept events are of no use, and by the
-- new generation that ids of deliveries are of an earlier one. An append that settles one of the deliveries waits for the end.
create or replace function rewind_subscription(
    p_log int, p_subscription int, p_position bigint, p_after bigint, out version int, out generation int
) language plpgsql volatile
set plan_cache_mode = force_custom_plan set jit = off
as $$
begin
    perform from delivery
    where log_id = p_log and subscription_id = p_subscription and (position > p_after or waiting > 0)
    order by position for update;
    delete from failed_attempt
    where log_id = p_log and subscription_id = p_subscription and position > p_after;
    update dead_letter set state = 'closed'
    where log_id = p_log and subscription_id = p_subscription and position > p_after
        and state in ('open', 'escalated', 'retrying');

    delete from waiting_event
    where log_id = p_log and subscription_id = p_subscription and position > p_after;
    update delivery d set waiting = (
        select count(*) from waiting_event w
        where w.log_id = p_log and w.subscription_id = p_subscription and w.chain = d.chain)
    where log_id = p_log and subscription_id = p_subscription and waiting > 0;
    -- A dead letter that is tried again may wait for a later event of its key: then it is next.
    perform free_keys(p_log, p_subscription, array(
        select position from delivery
        where log_id = p_log and subscription_id = p_subscription and position > p_after));

    update subscription_place set
        turn = turn + 1, read_to = p_position, lowest = case when p_after = 0 then p_position else least(lowest, p_position) end,
        without_key = 0
    where ctid = (
        select ctid from subscription_place where log_id = p_log and subscription_id = p_subscription order by turn desc limit 1);
    update subscription s set version = s.version + 1, generation = s.generation + 1
    where s.log_id = p_log and s.id = p_subscription
    returning s.version, s.generation into version, generation;
end $$;
