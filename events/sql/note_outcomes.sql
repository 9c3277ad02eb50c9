-- Tells the breakers of a subscription, its own and those of its consumers, that deliveries are done or failed. It is called while
-- their rows are still those of the attempt, by a caller who holds their locks. Without a breaker nothing is noted.
create or replace function note_outcomes(p_log int, p_subscription int, p_positions bigint[], p_failed boolean) returns void
language plpgsql volatile as $$
declare
    v_settings jsonb;
    v record;
begin
    select s.breaker into v_settings from subscription s where s.log_id = p_log and s.id = p_subscription;
    if v_settings is null then
        return;
    end if;
    -- The subscription's own, whose consumer is empty, comes first: everybody takes the locks in this order.
    for v in
        select c.consumer, array_agg(d.position order by d.position) as positions
        from delivery d cross join lateral (values (''), (d.consumer)) c(consumer)
        where d.log_id = p_log and d.subscription_id = p_subscription and d.position = any (p_positions)
        group by c.consumer order by c.consumer
    loop
        perform judge_breaker(p_log, p_subscription, v.consumer, v.positions, p_failed, v_settings);
    end loop;
end $$;
