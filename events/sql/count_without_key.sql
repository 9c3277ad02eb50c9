-- Counts the events that a subscription has read and that had no key. Without an order no event has one, and none is counted.
create or replace function count_without_key(p_log int, p_subscription int, p_keys text[]) returns void language plpgsql volatile as $$
begin
    if array_position(p_keys, null) is not null then
        update subscription set without_key = without_key + cardinality(array_positions(p_keys, null))
        where log_id = p_log and id = p_subscription and order_by <> 'none';
    end if;
end $$;
