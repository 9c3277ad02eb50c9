-- The number of deliveries of a subscription that are in flight; with a consumer, of those that it has.
create or replace function in_flight(p_log int, p_subscription int, p_consumer text default null)
returns int language sql stable as $$
    select count(*)::int from delivery
    where log_id = p_log and subscription_id = p_subscription and state = 1 and (p_consumer is null or consumer = p_consumer)
$$;
