-- Ends what is known of the failures of events that were done after all.
create or replace function forget_failures(p_log int, p_subscription int, p_positions bigint[])
returns void language sql volatile as $$
    delete from failed_attempt
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)
        and not exists (
            select from dead_letter l
            where l.log_id = p_log and l.subscription_id = p_subscription and l.position = failed_attempt.position);
    update dead_letter set state = 'done'
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions);
$$;
