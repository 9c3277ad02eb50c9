-- Locks the keys that some events have to wait for, as their rows are in `delivery`. Returns how many events may be read: all those
-- before the first one whose key an append settles at this moment, or has settled meanwhile. That key is free soon, and nobody
-- waits for it here: the caller holds locks that the append may need.
--
-- `p_waits` are the numbers of the events that wait, from 1.
create or replace function lock_keys(p_log int, p_subscription int, p_keys text[], p_waits int[])
returns int language plpgsql volatile as $$
begin
    return (
        select coalesce(min(w.n) filter (where d.is_locked is null) - 1, cardinality(p_keys))
        from (select p_keys[n] as key, min(n) as n from unnest(p_waits) n group by p_keys[n]) w
        left join lateral (
            select true as is_locked from delivery
            where log_id = p_log and subscription_id = p_subscription and key >= w.key and key <= w.key
            order by key limit 1 for update skip locked
        ) d on true);
end $$;
