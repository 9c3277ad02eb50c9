-- Settles deliveries that are done: what is known of earlier failures goes, and their keys go on. The caller holds the locks of
-- their rows.
create or replace function settle_done(p_log int, p_subscription int, p_positions bigint[])
returns void language plpgsql volatile as $$
begin
    perform note_outcomes(p_log, p_subscription, p_positions, false);
    if exists (
        select from delivery
        where log_id = p_log and subscription_id = p_subscription and position = any (p_positions) and attempt > 1
    ) then
        perform forget_failures(p_log, p_subscription, p_positions);
    end if;
    perform free_keys(p_log, p_subscription, p_positions);
end $$;
