-- Notes the delivery by which half-open breakers are tried: the consumer's own, and the subscription's. The caller holds the
-- subscription's lock.
create or replace function begin_trial(p_log int, p_subscription int, p_consumer text, p_position bigint, p_token uuid) returns void
language sql volatile as $$
    update breaker set trial = p_position, trial_token = p_token
    where log_id = p_log and subscription_id = p_subscription and consumer in ('', p_consumer) and state = 2
$$;
