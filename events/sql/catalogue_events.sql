-- Keeps the lists of streams and workflows up to date with the events after a position, which this transaction inserted.
-- `p_workflows` says whether any of them has a correlation id. Recorded times never go back; occurred ones may. The
-- planner's settings are the caller's;
-- `offset 0` keeps it from reading the whole log in the order of what it groups by.
create or replace function catalogue_events(p_log int, p_after bigint, p_workflows boolean) returns void
language plpgsql volatile
as $$
begin
    insert into stream (log_id, name, category, version, last_position)
    select p_log, e.stream, nullif(case when e.stream like '%-%' then split_part(e.stream, '-', 1) end, ''),
        max(e.version), max(e.position)
    from (select * from event where log_id = p_log and position > p_after order by position offset 0) e
    group by e.stream
    on conflict (log_id, name) do update set version = excluded.version, last_position = excluded.last_position;

    if not p_workflows then
        return;
    end if;
    insert into workflow as w (log_id, correlation_id, first_position, last_position, events,
        first_recorded_at, last_recorded_at, first_occurred_at, last_occurred_at, agents)
    select p_log, e.correlation_id, min(e.position), max(e.position), count(*),
        min(e.recorded_at), max(e.recorded_at), min(e.occurred_at), max(e.occurred_at),
        -- A list shows a few agents; one that went on growing would make each append to a long workflow dearer.
        coalesce((array_agg(distinct e.agent) filter (where e.agent is not null))[:20], '{}')
    from (select * from event where log_id = p_log and position > p_after order by position offset 0) e
    where e.correlation_id is not null
    group by e.correlation_id
    on conflict (log_id, correlation_id) do update set
        last_position = excluded.last_position,
        events = w.events + excluded.events,
        last_recorded_at = excluded.last_recorded_at,
        first_occurred_at = least(w.first_occurred_at, excluded.first_occurred_at),
        last_occurred_at = greatest(w.last_occurred_at, excluded.last_occurred_at),
        agents = case when w.agents @> excluded.agents or cardinality(w.agents) >= 20 then w.agents
                      else (array(select distinct unnest(w.agents || excluded.agents)))[:20] end;
end $$;
