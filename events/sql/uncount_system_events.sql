-- Makes the rows of workflows that have system events anew, without these events. It runs once, in a migration.
--
-- The index of streams leads to the system events of a log, and that of correlation ids to the events of a workflow:
-- `offset 0` keeps the planner from reading all events instead.
create temporary table affected on commit drop as
select distinct log_id, correlation_id
from log_head join lateral (
    select correlation_id from event
    where event.log_id = log_head.log_id and stream >= 'eventsite-' and stream < 'eventsite.'
) as system_event on correlation_id is not null;

delete from workflow using affected
where workflow.log_id = affected.log_id and workflow.correlation_id = affected.correlation_id;

insert into workflow (log_id, correlation_id, first_position, last_position, events,
    first_recorded_at, last_recorded_at, first_occurred_at, last_occurred_at, agents)
select log_id, correlation_id, min(e.position), max(e.position), count(*),
    min(recorded_at), max(recorded_at), min(occurred_at), max(occurred_at),
    coalesce((array_agg(distinct agent) filter (where agent is not null))[:20], '{}')
from affected join list_checkpoint using (log_id) join lateral (
    select position, recorded_at, occurred_at, agent from event
    where event.log_id = affected.log_id and event.correlation_id = affected.correlation_id
        and event.position <= list_checkpoint.position and not starts_with(stream, 'eventsite-') offset 0
) as e on true
group by log_id, correlation_id;
