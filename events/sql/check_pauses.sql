-- The first half of the guard `pause`: an append that pauses an agent or a workflow, or resumes it, is refused if there is
-- nothing to change. A refusal has the `position` of the pause that holds, or null.
create or replace function check_pauses(p_log int, p_pauses json) returns json language sql stable as $$
    select json_agg(json_build_object('append', n.append, 'guard', n.guard, 'position', p.position))
    from json_to_recordset(p_pauses) n(append int, guard int, kind text, name text, pauses boolean)
    left join pause p on p.log_id = p_log and p.kind = n.kind and p.name = n.name
    where n.pauses = (p.position is not null)
$$;
