-- Stores a breaker. If it is another state that it had, the server event says so, with the outcomes as evidence. The outcomes that
-- opened it stay until it closes, and then begin anew. One that opens stays so for `p_pause` seconds.
create or replace function set_breaker(p_breaker breaker, p_pause float) returns void language plpgsql volatile as $$
declare
    v_now constant timestamptz := clock_timestamp();
    v_is_change boolean;
begin
    update breaker b set
        state = p_breaker.state, changed_at = case when b.state = p_breaker.state then b.changed_at else v_now end, used_at = v_now,
        outcomes = case when p_breaker.state = 0 and b.state <> 0 then '' else p_breaker.outcomes end,
        failed = case when b.state = p_breaker.state then p_breaker.failed else '{}' end,
        until = case p_breaker.state when 1 then v_now + make_interval(secs => p_pause) end,
        trial = p_breaker.trial, trial_token = p_breaker.trial_token
    where b.log_id = p_breaker.log_id and b.subscription_id = p_breaker.subscription_id and b.consumer = p_breaker.consumer
    returning changed_at = v_now into strict v_is_change;
    if not v_is_change then
        return;
    end if;
    insert into server_event (log_id, id, subject, type, facts)
    select s.log_id,
        format('circuit-%s-%s-%s', s.id, md5(p_breaker.consumer), to_char(v_now at time zone 'utc', 'YYYYMMDDHH24MISSUS')),
        format('subscription-%s', s.name),
        (array['circuit.closed', 'circuit.opened', 'circuit.half_opened'])[p_breaker.state + 1],
        json_build_object('subscription', s.name, 'consumer', nullif(p_breaker.consumer, '')) ::jsonb
        || case p_breaker.state
            when 0 then jsonb_build_object('trial', p_breaker.trial)
            when 1 then jsonb_build_object(
                'failures', length(replace(p_breaker.outcomes, '0', '')), 'of', length(p_breaker.outcomes),
                'positions', p_breaker.failed, 'pause', p_pause)
            else '{}' end
    from subscription s where s.log_id = p_breaker.log_id and s.id = p_breaker.subscription_id
    on conflict do nothing;
end $$;
