-- Brings the lists of streams, workflows and types up to date with the next events of a log, at most `p_most` of them, and
-- moves their checkpoint in the same transaction: each event counts exactly once. While another session does that, this one
-- does nothing. Returns whether there are more events.
--
-- System events, those of streams whose names begin with `eventsite-`, are no events of a workflow.
--
-- Recorded times never go back; occurred ones may. `offset 0` keeps the planner from reading the whole log in the order
-- of what it groups by.
create or replace function keep_lists(p_log int, p_most int) returns boolean language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_after bigint;
    v_upto bigint;
    v_head bigint;
begin
    select position into v_after from list_checkpoint where log_id = p_log for update skip locked;
    if not found then
        return false;
    end if;
    select head into v_head from log_head where log_id = p_log;
    v_upto := least(v_head, v_after + p_most);
    if v_upto = v_after then
        return false;
    end if;

    insert into stream (log_id, name, version, last_position)
    select p_log, e.stream, max(e.version), max(e.position)
    from (select * from event where log_id = p_log and position > v_after and position <= v_upto offset 0) e
    group by e.stream
    on conflict (log_id, name) do update set version = excluded.version, last_position = excluded.last_position;

    insert into workflow as w (log_id, correlation_id, first_position, last_position, events,
        first_recorded_at, last_recorded_at, first_occurred_at, last_occurred_at, agents)
    select p_log, e.correlation_id, min(e.position), max(e.position), count(*),
        min(e.recorded_at), max(e.recorded_at), min(e.occurred_at), max(e.occurred_at),
        coalesce((array_agg(distinct e.agent) filter (where e.agent is not null))[:20], '{}')
    from (select * from event where log_id = p_log and position > v_after and position <= v_upto offset 0) e
    where e.correlation_id is not null and not starts_with(e.stream, 'eventsite-')
    group by e.correlation_id
    on conflict (log_id, correlation_id) do update set
        last_position = excluded.last_position,
        events = w.events + excluded.events,
        last_recorded_at = excluded.last_recorded_at,
        first_occurred_at = least(w.first_occurred_at, excluded.first_occurred_at),
        last_occurred_at = greatest(w.last_occurred_at, excluded.last_occurred_at),
        agents = merge_agents(w.agents, excluded.agents);

    perform number_types(p_log, v_after, v_upto);

    update list_checkpoint set position = v_upto where log_id = p_log;
    return v_upto < v_head;
end $$;
