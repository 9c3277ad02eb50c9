-- Settles deliveries that are done; returns what settle_deliveries() says of those that are not simply settled, numbered from 0.
--
-- The usual ones are settled here: they are with their consumers for the first time. A consumer may be null: a delivery's token
-- names one attempt by one consumer. The locks are taken in the order of positions, as appends that settle take them.
create or replace function acknowledge(
    p_log int, p_subscription int, p_generation int, p_has_breaker boolean, p_now timestamptz,
    p_positions bigint[], p_tokens uuid[], p_consumers text[], p_agents text[]
) returns json language plpgsql volatile as $$
declare
    v_others json;
    v_places tid[];
    v_of_chains tid[];
begin
    select json_agg(json_build_object(
            'n', s.n - 1, 'subscription', p_subscription, 'generation', p_generation, 'position', s.position, 'token', s.token, 'consumer', s.consumer, 'agent', s.agent,
            'outcome', 'ack')) filter (where d.is_usual is not true),
        array_agg(d.place) filter (where d.is_usual and not d.has_later),
        array_agg(d.place) filter (where d.is_usual and d.has_later)
    into v_others, v_places, v_of_chains
    from (
        select *, position is distinct from lag(position) over (order by position) as is_first
        from unnest(p_positions, p_tokens, p_consumers, p_agents) with ordinality u(position, token, consumer, agent, n)
        order by position
    ) s
    left join lateral (
        select ctid as place, waiting > 0 as has_later,
            state = 1 and token = s.token and due > p_now and attempt = 1 and not has_earlier
                and (s.consumer is null or consumer = s.consumer) and (s.agent is null or agent = s.agent)
                and s.is_first as is_usual
        from delivery
        where log_id = p_log and subscription_id = p_subscription and position >= s.position and position <= s.position
        order by position limit 1 for update
    ) d on true;

    if p_has_breaker then
        perform note_outcomes(
            p_log, p_subscription, array(select position from delivery where ctid = any (v_places || v_of_chains)), false);
    end if;
    if v_places is not null then
        delete from delivery where ctid = any (v_places);
    end if;
    if v_of_chains is not null then
        perform next_of_keys(p_log, p_subscription, v_of_chains);
    end if;
    return case when v_others is not null then settle_deliveries(p_log, p_subscription, p_now, v_others) end;
end $$;
