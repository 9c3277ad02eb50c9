-- Notes how far a subscription has read, the place up to which `delivery` has no row of it, and a time before all deadlines: searches
-- begin there. Without that they would go through what is left of all settled events, while a session with an old snapshot keeps it.
--
-- The caller has read the place at `p_turn`, with `p_lowest`, and holds the subscription's lock. `p_without_key` events without a key
-- were read.
create or replace function note_progress(
    p_log int, p_subscription int, p_turn bigint, p_read_to bigint, p_lowest bigint, p_due_from timestamptz, p_without_key int
) returns void language plpgsql volatile as $$
declare
    v_lowest bigint := p_lowest;
begin
    -- An earlier event that waits would come before the lowest one when it becomes ready.
    if not exists (select from delivery where log_id = p_log and subscription_id = p_subscription and has_earlier) then
        v_lowest := coalesce((
            select position - 1 from delivery
            where log_id = p_log and subscription_id = p_subscription and position > v_lowest order by position limit 1
        ), p_read_to);
    end if;
    update subscription_place set
        turn = turn + 1, read_to = p_read_to, lowest = v_lowest, due_from = p_due_from, without_key = without_key + p_without_key
    where log_id = p_log and subscription_id = p_subscription and turn = p_turn
        and (read_to, lowest, due_from) is distinct from (p_read_to, v_lowest, p_due_from);
end $$;
