-- The attempts of a dead letter that was retried; 0 for any other event.
create or replace function attempts_of_retried(p_log int, p_subscription int, p_position bigint)
returns int language plpgsql stable
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
begin
    return coalesce((
        select attempts from dead_letter
        where log_id = p_log and subscription_id = p_subscription and position = p_position and state = 'retrying'), 0);
end $$;
