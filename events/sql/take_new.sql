-- Delivers events that were found in the log to one consumer, in order, until it has `p_room` of them.
--
-- An event is free if no earlier event of its key is unsettled. The others wait for their key, in `waiting_event`. Returns the
-- positions that were delivered, and how many of the events were read: the last one that was delivered, or all.
-- The caller holds the subscription's lock.
create or replace function take_new(
    p_log int, p_subscription int, p_now timestamptz, p_due timestamptz, p_head bigint,
    p_consumer text, p_agent text, p_request text, p_room int, p_positions bigint[], p_keys text[],
    out positions bigint[], out used int
) language plpgsql volatile
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan set jit = off
as $$
begin
    -- A statement of its own: an append may settle one of these at this moment, and then its key is free. Two bounds and an order
    -- instead of an equality leave no choice but the index of keys, whatever statistics the plan was made with.
    perform from (select distinct key from unnest(p_keys) k(key) where key is not null order by key) k, lateral (
        select from delivery
        where log_id = p_log and subscription_id = p_subscription and key >= k.key and key <= k.key
        order by key limit 1 for update
    ) d;

    with found as (
        select c.n, c.position, c.key, d.chain, d.ctid as place,
            d.chain is null and (c.key is null or row_number() over (partition by c.key order by c.n) = 1) as is_free
        from unnest(p_positions, p_keys) with ordinality c(position, key, n)
        left join lateral (
            select chain, ctid from delivery
            where log_id = p_log and subscription_id = p_subscription and key >= c.key and key <= c.key
            order by key limit 1
        ) d on true
    ), counted as (
        select *, count(*) filter (where is_free) over (order by n) as frees from found
    ), read as (
        select *, count(*) over (partition by key) - 1 as others,
            coalesce(chain, first_value(position) over (partition by key order by n)) as new_chain
        from counted where frees < p_room or (frees = p_room and is_free)
    ), waits as (
        insert into waiting_event (log_id, subscription_id, chain, position)
        select p_log, p_subscription, new_chain, position from read where not is_free
    ), longer as (
        update delivery d set waiting = d.waiting + r.events
        from (select place, count(*) as events from read where chain is not null group by place) r
        where d.ctid = r.place
    ), delivered as (
        insert into delivery (
            log_id, subscription_id, position, chain, key, state, attempt, waiting, due, taken_at, head, token,
            consumer, agent, request)
        select p_log, p_subscription, position, position, key, 1, 1, case when key is null then 0 else others end,
            p_due, p_now, p_head, gen_random_uuid(), p_consumer, p_agent, p_request
        from read where is_free
        returning delivery.position
    )
    select coalesce((select array_agg(d.position order by d.position) from delivered d), '{}'),
        coalesce((select max(n) from read), 0)
    into positions, used;
end $$;
