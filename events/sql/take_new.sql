-- Delivers events that were found in the log to one consumer, in order, until it has `p_room` of them.
--
-- An event is free if no earlier event of its key is unsettled. The others wait for their key, in `waiting_event`. Returns the
-- positions that were delivered, and how many of the events were read. The caller holds the subscription's lock.
--
-- Two bounds and an order instead of an equality leave no choice but the index of keys, whatever statistics the plan was made
-- with.
create or replace function take_new(
    p_log int, p_subscription int, p_now timestamptz, p_due timestamptz, p_head bigint, p_token uuid,
    p_consumer text, p_agent text, p_request text, p_room int, p_positions bigint[], p_keys text[],
    out positions bigint[], out used int
) language plpgsql volatile as $$
declare
    v_waits int[];
    v_of_taken int[];
begin
    with found as (
        select c.n::int as n, d.is_taken is true as is_taken,
            d.is_taken is true or (c.key is not null and row_number() over (partition by c.key order by c.n) > 1) as waits
        from unnest(p_positions, p_keys) with ordinality c(position, key, n)
        left join lateral (
            select true as is_taken from delivery
            where log_id = p_log and subscription_id = p_subscription and key >= c.key and key <= c.key
            order by key limit 1
        ) d on true
    ), counted as (
        select n, is_taken, waits, count(*) filter (where not waits) over (order by n) as frees from found
    )
    select coalesce(max(n), 0), coalesce(array_agg(n order by n) filter (where waits), '{}'),
        array_agg(n order by n) filter (where is_taken)
    into used, v_waits, v_of_taken
    from counted where frees < p_room or (frees = p_room and not waits);

    if v_of_taken is not null then
        used := least(used, lock_keys(p_log, p_subscription, p_keys, v_of_taken));
    end if;
    with free as (
        select position, key from unnest(p_positions[1 : used], p_keys[1 : used]) with ordinality e(position, key, n)
        where n <> all (v_waits)
    ), delivered as (
        insert into delivery (
            log_id, subscription_id, position, chain, key, state, attempt, due, taken_at, head, token, consumer, agent, request)
        select p_log, p_subscription, position, position, key, 1, 1, p_due, p_now, p_head, p_token, p_consumer, p_agent, p_request
        from free
    )
    select coalesce(array_agg(position order by position), '{}') into positions from free;
    if v_waits <> '{}' and v_waits[1] <= used then
        perform let_wait(p_log, p_subscription, p_positions, p_keys, array(select n from unnest(v_waits) n where n <= used));
    end if;
end $$;
