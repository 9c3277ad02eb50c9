-- Settles the deliveries that were not acknowledged: they failed, are given back, or take longer.
--
-- `p_verdicts` says which of `p_settlements` are valid (settle_deliveries.sql). The caller holds the locks of their rows.
create or replace function settle_others(
    p_log int, p_subscription int, p_now timestamptz, p_settlements json, p_verdicts json
) returns void language plpgsql volatile as $$
declare
    s record;
begin
    for s in
        select p.* from json_to_recordset(p_settlements) p(
            n int, position bigint, outcome text, delay float, seconds float, error_type text, message text, traceback text,
            plain_message text, frame text, fault text)
        join json_to_recordset(p_verdicts) v(n int, result text) on v.n = p.n and v.result = 'settled'
        where p.outcome <> 'ack'
        order by p.n
    loop
        case s.outcome
            when 'extend' then
                update delivery set due = p_now + make_interval(secs => s.seconds)
                where log_id = p_log and subscription_id = p_subscription and position = s.position;
            when 'release' then
                update delivery set state = 0, attempt = attempt - 1, due = null
                where log_id = p_log and subscription_id = p_subscription and position = s.position;
            else
                perform fail_deliveries(
                    p_log, p_subscription, p_now, array[s.position], case s.outcome when 'fail' then 'failed' else s.outcome end,
                    s.delay, s.error_type, s.message, s.traceback, s.plain_message, s.frame, s.fault);
        end case;
    end loop;
end $$;
