-- Lets events wait for their keys, whose rows the caller has locked or made. `p_waits` are their numbers, from 1.
create or replace function let_wait(p_log int, p_subscription int, p_positions bigint[], p_keys text[], p_waits int[])
returns void language plpgsql volatile as $$
begin
    with waits as (
        select p_positions[n] as position, d.chain, d.place
        from unnest(p_waits) n, lateral (
            select chain, ctid as place from delivery
            where log_id = p_log and subscription_id = p_subscription and key >= p_keys[n] and key <= p_keys[n]
            order by key limit 1
        ) d
    ), added as (
        insert into waiting_event (log_id, subscription_id, chain, position)
        select p_log, p_subscription, chain, position from waits
    )
    update delivery d set waiting = d.waiting + w.events
    from (select place, count(*) as events from waits group by place) w
    where d.ctid = w.place;
end $$;
