-- The time when the next deadline of a subscription passes, or the next pause before an attempt ends; null if there is none.
create or replace function next_due(p_log int, p_subscription int) returns timestamptz language plpgsql stable as $$
begin
    return least(
        (select due from delivery where log_id = p_log and subscription_id = p_subscription and state = 1 order by due limit 1),
        (select due from delivery where log_id = p_log and subscription_id = p_subscription and state = 2 order by due limit 1));
end $$;
