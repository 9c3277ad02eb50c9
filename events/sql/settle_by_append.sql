-- The guard `settles`: an append settles deliveries, so its events and the acknowledgement are one transaction.
--
-- `p_settlements` is a list of {append, guard, name, subscription, generation, position, token, agent, prefix}. A delivery must be with the
-- consumer who has its token, by the clock of this database; its agent must be `agent`, unless that is null. If one is not,
-- nothing is settled, and the refusals name the appends.
--
-- The log's row is locked before. No subscription's row is locked here, only the rows of the deliveries, in the order of
-- positions, as serve_subscription() does.
create or replace function settle_by_append(p_log int, p_settlements json) returns json language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    refusals json;
    v record;
begin
    for v in
        select r.subscription as id, array_agg(distinct r.position) as positions
        from json_to_recordset(p_settlements) r(subscription int, position bigint)
        group by r.subscription order by r.subscription
    loop
        perform from delivery
        where log_id = p_log and subscription_id = v.id and position = any (v.positions) and state = 1
        order by position for update;
    end loop;

    select json_agg(json_build_object('append', a.append, 'guard', a.guard, 'result', a.result)) into refusals
    from (
        select r.append, r.guard,
            case when s.name is distinct from r.name or s.stream_prefix <> r.prefix then 'not-yours'
                 when d.position is null then verdict_without_row(p_log, r.subscription, r.subscription, r.generation)
                 when d.token is distinct from r.token or d.state <> 1 or d.due <= clock_timestamp() then 'expired'
                 when d.agent is distinct from coalesce(r.agent, d.agent) then 'not-yours' end as result
        from json_to_recordset(p_settlements) r(
            append int, guard int, name text, subscription int, generation int, position bigint, token uuid, agent text,
            prefix text)
        left join lateral (
            select name, stream_prefix from subscription
            where log_id = p_log and id = r.subscription order by id limit 1
        ) s on true
        left join lateral (
            select position, token, state, due, agent from delivery
            where log_id = p_log and subscription_id = r.subscription
                and position >= r.position and position <= r.position
            order by position limit 1
        ) d on true
    ) a where a.result is not null;
    if refusals is not null then
        return refusals;
    end if;

    for v in
        select r.subscription as id, array_agg(distinct r.position) as positions
        from json_to_recordset(p_settlements) r(subscription int, position bigint)
        group by r.subscription
    loop
        perform settle_done(p_log, v.id, v.positions);
    end loop;
    return null;
end $$;
