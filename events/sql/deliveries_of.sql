-- The positions of what a consumer got for a request, and still has.
create or replace function deliveries_of(p_log int, p_subscription int, p_now timestamptz, p_consumer text, p_agent text, p_request text)
returns bigint[] language plpgsql stable as $$
begin
    return array(
        select position from delivery
        where log_id = p_log and subscription_id = p_subscription and state = 1 and due > p_now
            and consumer = p_consumer and agent is not distinct from p_agent and request = p_request);
end $$;
