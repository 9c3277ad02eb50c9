-- Makes dead letters of deliveries whose attempts are used up, or that were called poison. Their last attempt is a row of
-- `failed_attempt` already. A letter holds its key, or lets it go on if the subscription passes dead letters.
--
-- The caller holds the locks of these rows of `delivery`. `EventFailed` is appended later, by whoever comes first: its id is made
-- from the subscription, the position and the number of the death. It has no key that is a value of data, which could be redacted
-- in the event, but not here. The failure of an event of the server is a letter alone.
create or replace function bury(p_log int, p_subscription int, p_positions bigint[])
returns void language plpgsql volatile as $$
declare
    v_name text;
    v_passes boolean;
    v_is_of_data boolean;
    v_now constant timestamptz := clock_timestamp();
begin
    select name, passes_dead_letters, starts_with(order_by, '/') into strict v_name, v_passes, v_is_of_data from subscription
    where log_id = p_log and id = p_subscription;

    with letter as (
        insert into dead_letter as l (
            log_id, subscription_id, position, key, holds, state, attempts, died_at, fault, error_type, plain_message, frame)
        select p_log, p_subscription, d.position, d.key, d.key is not null and not v_passes, 'open', d.attempt, v_now,
            a.fault, a.error_type, a.plain_message, a.frame
        from delivery d
        join failed_attempt a using (log_id, subscription_id, position, attempt)
        where d.log_id = p_log and d.subscription_id = p_subscription and d.position = any (p_positions)
        on conflict (log_id, subscription_id, position) do update set
            state = 'open', key = excluded.key, holds = excluded.holds, deaths = l.deaths + 1, attempts = excluded.attempts, died_at = excluded.died_at,
            fault = excluded.fault, error_type = excluded.error_type, plain_message = excluded.plain_message, frame = excluded.frame
        returning *
    )
    insert into server_event (log_id, id, subject, type, facts, about)
    select p_log, format('dead-letter-%s-%s-%s', p_subscription, position, deaths), format('subscription-%s', v_name),
        'EventFailed',
        json_build_object(
            'subscription', v_name, 'position', position, 'key', case when not v_is_of_data then key end,
            'attempts', attempts, 'death', deaths,
            'error', json_build_object('type', error_type, 'frame', frame, 'digest', fault)),
        position
    from letter l
    -- A record of a failure that is not appended can't fail in its turn, and so on for ever.
    where not exists (
        select from event e where e.log_id = p_log and e.position = l.position and starts_with(e.stream, 'eventsite-'))
    on conflict do nothing;

    update delivery set state = 3, due = null
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)
        -- not `key is not null`: the planner may go through all that has a key
        and not v_passes and coalesce(key, '') <> '';
    perform free_keys(p_log, p_subscription, array(
        select position from delivery
        where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)
            and (key is null or v_passes)));
end $$;
