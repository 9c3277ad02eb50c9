-- Whether an agent or a workflow is paused. Either may be null.
create or replace function is_paused(p_log int, p_agent text, p_workflow text) returns boolean language sql stable as $$
    select exists (select from pause p where p.log_id = p_log and p.kind = 'agent' and p.name = p_agent)
        or exists (select from pause p where p.log_id = p_log and p.kind = 'workflow' and p.name = p_workflow)
$$;
