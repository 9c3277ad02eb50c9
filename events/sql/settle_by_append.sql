-- The guard `settles`: an append settles deliveries, so its events and the acknowledgement are one transaction.
--
-- `p_settlements` is a list of {append, guard, name, subscription, generation, position, token, agent, prefix}. A delivery must be
-- with the consumer who has its token, by the clock of this database; its agent must be `agent`, unless that is null. If one is
-- not, nothing is settled, and the refusals name the appends. The deliveries of a subscription that ended are `expired`.
--
-- The log's row is locked before. No subscription's row is locked here, only the rows of the deliveries, in the order of
-- positions, as serve_subscription() does; and only of those in flight, so a take never waits for one that is ready. What failed
-- before, whose key goes on, or whose subscription has a breaker, is left to settle_done().
create or replace function settle_by_append(p_log int, p_settlements json) returns json language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_refusals json;
    v_places tid[];
    v_subscriptions int[];
    v_positions bigint[];
    v record;
begin
    -- Mostly it is one delivery, in the usual case. What a take changes at this moment is looked at again when it has ended: the
    -- conditions on `d` are for that. Without `is true` the planner may begin with them, and go through all that is in flight.
    if json_array_length(p_settlements) = 1 then
        delete from delivery d using (
            select x.place, r.token
            from json_to_recordset(p_settlements) r(
                name text, subscription int, position bigint, token uuid, agent text, prefix text),
            lateral (
                select from subscription
                where log_id = p_log and id = r.subscription and name = r.name and stream_prefix = r.prefix and breaker is null
                order by id limit 1
            ) s,
            lateral (
                select ctid as place from delivery
                where log_id = p_log and subscription_id = r.subscription
                    and position >= r.position and position <= r.position
                    and due > clock_timestamp() and attempt = 1 and agent is not distinct from coalesce(r.agent, agent)
                order by position limit 1
            ) x
        ) p
        where d.ctid = p.place and (d.token = p.token and d.state = 1 and d.waiting = 0) is true;
        if found then
            return null;
        end if;
    end if;

    select json_agg(json_build_object('append', a.append, 'guard', a.guard, 'result', a.result)) filter (where a.result is not null),
        array_agg(a.place) filter (where a.is_usual),
        array_agg(a.subscription) filter (where not a.is_usual), array_agg(a.position) filter (where not a.is_usual)
    into v_refusals, v_places, v_subscriptions, v_positions
    from (
        select r.append, r.guard, r.subscription, r.position, d.place, d.is_usual,
            case when s.name is null then 'expired'
                 when s.name <> r.name or s.stream_prefix <> r.prefix then 'not-yours'
                 when d.place is null and exists (
                         select from delivery
                         where log_id = p_log and subscription_id = r.subscription and position = r.position) then 'expired'
                 when d.place is null then verdict_without_row(p_log, r.subscription, r.subscription, r.generation)
                 when not d.is_valid then 'expired'
                 when d.agent is distinct from coalesce(r.agent, d.agent) then 'not-yours' end as result
        from (
            select * from json_to_recordset(p_settlements) j(
                append int, guard int, name text, subscription int, generation int, position bigint, token uuid, agent text,
                prefix text)
            order by subscription, position
        ) r
        left join lateral (
            select name, stream_prefix, breaker from subscription
            where log_id = p_log and id = r.subscription order by id limit 1
        ) s on true
        left join lateral (
            select ctid as place, agent, token = r.token and due > clock_timestamp() as is_valid,
                attempt = 1 and waiting = 0 and s.breaker is null as is_usual
            from delivery
            where log_id = p_log and subscription_id = r.subscription
                and position >= r.position and position <= r.position and state = 1
            order by position limit 1 for update
        ) d on true
    ) a;
    if v_refusals is not null then
        return v_refusals;
    end if;

    if v_positions is not null then
        for v in
            select subscription, array_agg(distinct position) as positions
            from unnest(v_subscriptions, v_positions) o(subscription, position) group by subscription order by subscription
        loop
            perform settle_done(p_log, v.subscription, v.positions);
        end loop;
    end if;
    delete from delivery where ctid = any (v_places);
    return null;
end $$;
