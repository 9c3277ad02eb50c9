-- Lets the keys of settled deliveries go on: the next event of each key becomes ready; without one, the key's row goes.
--
-- The caller holds the locks of these rows of `delivery`. Whoever lets an event wait for its key locks the same row.
create or replace function free_keys(p_log int, p_subscription int, p_positions bigint[])
returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_gone int;
begin
    delete from delivery
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions) and waiting = 0;
    get diagnostics v_gone = row_count;
    if v_gone = cardinality(p_positions) then
        return;
    end if;

    -- A search from the beginning of the chain would go through what is left of all events that were taken from it, while a
    -- session with an old snapshot keeps Postgres from removing that. Rows are joined by their places: the plan is made while
    -- the tables may be empty, and by any other column it may compare all rows with all.
    with next as (
        select d.ctid as settled, w.ctid as place, w.position
        from delivery d, lateral (
            select ctid, position from waiting_event
            where log_id = p_log and subscription_id = p_subscription and chain = d.chain
                and position > case when d.has_earlier then 0 else d.position end
            order by position limit 1
        ) w
        where d.log_id = p_log and d.subscription_id = p_subscription and d.position = any (p_positions)
    ), taken as (
        delete from waiting_event w using next n where w.ctid = n.place
    )
    update delivery d set
        position = n.position, state = 0, waiting = d.waiting - 1, due = null, taken_at = null, head = null,
        token = null, consumer = null, agent = null, request = null,
        attempt = case when d.has_earlier then attempts_of_retried(p_log, p_subscription, n.position) else 0 end,
        has_earlier = d.has_earlier and has_other_retried(p_log, p_subscription, d.key, n.position)
    from next n
    where d.ctid = n.settled;
end $$;
