-- Settles deliveries of one subscription, each by itself; returns a list of [number, result, time of the next attempt].
--
-- `p_settlements` is a list of {n, subscription, generation, position, token, consumer, agent, outcome, delay, seconds, error_type,
-- message, traceback, plain_message, frame, fault}. The consumer may be null: a delivery's token names one attempt by one consumer. An
-- agent must be the delivery's. After an extension the same call may settle. Without a delay, the pause before the next attempt comes from the subscription's `backoff`.
create or replace function settle_deliveries(p_log int, p_subscription int, p_now timestamptz, p_settlements json)
returns json language plpgsql volatile as $$
declare
    v_verdicts json;
    v_acked bigint[];
    v_is_other boolean;
begin
    -- A statement of its own: what follows sees what the last holders of these locks committed.
    perform from delivery
    where log_id = p_log and subscription_id = p_subscription
        and position = any (array(select position from json_to_recordset(p_settlements) s(position bigint)))
    order by position for update;

    with verdict as (
        select s.n, s.position, s.token, s.outcome,
            case when s.subscription <> p_subscription or d.position is null
                     then verdict_without_row(p_log, p_subscription, s.subscription, s.generation)
                 when d.token is distinct from s.token then 'expired'
                 when d.consumer <> s.consumer or d.agent is distinct from coalesce(s.agent, d.agent) then 'not-yours'
                 when d.state <> 1 then 'already-settled'
                 when d.due <= p_now then 'expired'
                 when count(*) filter (where s.outcome <> 'extend' and d.consumer = coalesce(s.consumer, d.consumer)) over (
                         partition by s.position, s.token order by s.n
                         rows between unbounded preceding and 1 preceding) > 0 then 'already-settled'
                 else 'settled' end as result
        from json_to_recordset(p_settlements) s(
            n int, subscription int, generation int, position bigint, token uuid, consumer text, agent text,
            outcome text)
        left join lateral (
            select * from delivery
            where log_id = p_log and subscription_id = p_subscription and position = s.position limit 1
        ) d on true
    )
    select json_agg(verdict), coalesce(array_agg(position) filter (where result = 'settled' and outcome = 'ack'), '{}'),
        coalesce(bool_or(result = 'settled' and outcome <> 'ack'), false)
    into v_verdicts, v_acked, v_is_other
    from verdict;

    perform settle_done(p_log, p_subscription, v_acked);
    if v_is_other then
        perform settle_others(p_log, p_subscription, p_now, p_settlements, v_verdicts);
    end if;
    return (
        select json_agg(json_build_array(v.n, v.result, case when d.state = 2 then d.due end))
        from json_to_recordset(v_verdicts) v(n int, position bigint, token uuid, result text)
        left join lateral (
            select state, due from delivery
            where log_id = p_log and subscription_id = p_subscription and position = v.position and token = v.token limit 1
        ) d on true
    );
end $$;
