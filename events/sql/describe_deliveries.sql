-- What a consumer is told of events that were delivered before: [number of the take, position, key, attempt, deadline, head, token].
create or replace function describe_deliveries(p_log int, p_subscription int, p_take int, p_positions bigint[])
returns jsonb language plpgsql stable as $$
begin
    return (
        select jsonb_agg(jsonb_build_array(p_take, position, key, attempt, due, head, token) order by position)
        from delivery
        where log_id = p_log and subscription_id = p_subscription and position = any (p_positions));
end $$;
