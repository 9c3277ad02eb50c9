-- Notes that some deliveries failed, all for one reason: each gets another attempt after a pause, or becomes a dead letter. A dead
-- letter that was retried has no further attempt.
--
-- `p_outcome` is `failed`, `poison` (no further attempt) or `expired` (the deadline has been a pause already). Without a delay
-- in seconds the pause comes from the subscription's `backoff`. The caller holds the locks of these rows of `delivery`.
create or replace function fail_deliveries(
    p_log int, p_subscription int, p_now timestamptz, p_positions bigint[], p_outcome text, p_delay float,
    p_error_type text, p_message text, p_traceback text, p_plain_message text, p_frame text, p_fault text
) returns void language plpgsql volatile as $$
declare
    v_most int;
    v_pauses json;
    v_dead bigint[];
    v_retried bigint[];
begin
    select case p_outcome when 'poison' then 0 else max_attempts end, backoff into strict v_most, v_pauses
    from subscription where log_id = p_log and id = p_subscription;

    insert into failed_attempt (
        log_id, subscription_id, position, attempt, outcome, consumer, agent, taken_at, ended_at, head,
        error_type, message, traceback, plain_message, frame, fault)
    select p_log, p_subscription, position, attempt, p_outcome, consumer, agent, taken_at, p_now, head,
        p_error_type, p_message, p_traceback, p_plain_message, p_frame, p_fault
    from delivery
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions);

    perform note_outcomes(p_log, p_subscription, p_positions, true);
    perform empty_failures(p_log, p_subscription, array(
        select position from redaction where log_id = p_log and position = any (p_positions)));
    v_retried := array(
        select position from dead_letter
        where log_id = p_log and subscription_id = p_subscription and position = any (p_positions) and state = 'retrying');
    update delivery set
        state = case p_outcome when 'expired' then 0 else 2 end,
        -- The token stays after a failure until the event is taken again, so that a settlement that is sent again is told that it
        -- was settled.
        token = case p_outcome when 'expired' then null else token end,
        due = case p_outcome when 'expired' then null else p_now + make_interval(secs => coalesce(p_delay,
            least((v_pauses ->> 'most')::float,
                  (v_pauses ->> 'first')::float * power((v_pauses ->> 'factor')::float, least(attempt - 1, 100)))
            * (1 + (v_pauses ->> 'jitter')::float * (2 * random() - 1)))) end
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions);

    select array_agg(position) into v_dead from delivery
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)
        and (attempt >= v_most or position = any (v_retried));
    if v_dead is not null then
        perform bury(p_log, p_subscription, v_dead);
    end if;
end $$;
