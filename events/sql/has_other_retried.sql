-- Whether another dead letter of a key was retried, and waits.
create or replace function has_other_retried(p_log int, p_subscription int, p_key text, p_position bigint)
returns boolean language plpgsql stable
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
begin
    return exists (
        select from dead_letter
        where log_id = p_log and subscription_id = p_subscription and state = 'retrying' and position <> p_position
            and key >= p_key and key <= p_key
        order by key limit 1);
end $$;
