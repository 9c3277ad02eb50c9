-- Lets the keys of settled deliveries go on, whose rows in `delivery` are at some places: the next event of each becomes ready.
-- Of each an event waits. The caller holds the locks of the rows; whoever lets an event wait for its key locks the same row.
--
-- A search from the beginning of the chain would go through what is left of all events that were taken from it, while a session with
-- an old snapshot keeps Postgres from removing that. Rows are joined by their places: the plan is made while the tables may be
-- empty, and by any other column it may compare all rows with all.
create or replace function next_of_keys(p_log int, p_subscription int, p_places tid[]) returns void
language plpgsql volatile as $$
begin
    with next as (
        select d.ctid as settled, w.ctid as place, w.position
        from delivery d, lateral (
            select ctid, position from waiting_event
            where log_id = p_log and subscription_id = p_subscription and chain = d.chain
                and position > case when d.has_earlier then 0 else d.position end
            order by position limit 1
        ) w
        where d.ctid = any (p_places)
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
