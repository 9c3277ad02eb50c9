-- The earliest deadline of what is in flight, and the earliest end of a pause before an attempt; null if there is none. `p_from` is
-- not later than any deadline (`subscription_place.due_from`).
create or replace function next_due(p_log int, p_subscription int, p_from timestamptz, out in_flight timestamptz, out retrying timestamptz)
language plpgsql stable as $$
begin
    in_flight := (
        select due from delivery
        where log_id = p_log and subscription_id = p_subscription and state = 1 and due >= p_from order by due limit 1);
    retrying := (
        select due from delivery where log_id = p_log and subscription_id = p_subscription and state = 2 order by due limit 1);
end $$;
