-- The pause that holds of an agent or a workflow, either of which may be null, as a JSON object; null: neither is paused.
create or replace function pause_of(p_log int, p_agent text, p_workflow text) returns json language sql stable as $$
    select json_build_object(
        'kind', p.kind, 'name', p.name, 'since', p.position, 'by', e.agent, 'reason', e.data ->> 'reason')
    from pause p join event e on e.log_id = p.log_id and e.position = p.position
    where p.log_id = p_log and (p.kind = 'agent' and p.name = p_agent or p.kind = 'workflow' and p.name = p_workflow)
    order by p.kind limit 1
$$;
