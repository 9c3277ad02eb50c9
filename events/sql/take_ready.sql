-- Delivers events that are ready to one consumer, lowest position first; returns their positions.
--
-- The last attempt of an event that failed before, or of a retried dead letter, is delivered alone, so that the other events of its
-- batch are not blamed. The caller holds the subscription's lock.
create or replace function take_ready(
    p_log int, p_subscription int, p_now timestamptz, p_due timestamptz, p_head bigint, p_token uuid, p_lowest bigint,
    p_attempts int, p_consumer text, p_agent text, p_request text, p_most int, out positions bigint[], out is_alone boolean
) language plpgsql volatile as $$
declare
    v_last boolean[];
    v_alone int;
begin
    select coalesce(array_agg(position), '{}'), array_agg(is_last), coalesce(bool_or(is_last), false)
    into positions, v_last, is_alone
    from (
        select position, attempt >= 1
            and (attempt + 1 >= p_attempts or attempts_of_retried(p_log, p_subscription, position) > 0) as is_last
        from delivery
        where log_id = p_log and subscription_id = p_subscription and state = 0 and position > p_lowest
        order by position limit p_most
    ) ready;
    if positions = '{}' then
        return;
    end if;
    if is_alone then
        v_alone := array_position(v_last, true);
        positions := positions[1 : greatest(v_alone - 1, 1)];
    end if;
    update delivery set
        state = 1, attempt = attempt + 1, due = p_due, taken_at = p_now, head = p_head, token = p_token,
        consumer = p_consumer, agent = p_agent, request = p_request
    where log_id = p_log and subscription_id = p_subscription and position = any (positions);
end $$;
