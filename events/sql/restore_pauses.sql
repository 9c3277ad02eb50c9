-- After the restore of an export: what its last event of a pause paused is paused in the new log, too. An event that was
-- redacted names nothing, and so pauses nothing.
create or replace function restore_pauses(p_log int) returns void language sql volatile as $$
    insert into pause (log_id, kind, name, position)
    select p_log, last.kind, last.name, last.position
    from (
        select distinct on (1, 2) split_part(e.type, '.', 1) as kind,
            e.data ->> split_part(e.type, '.', 1) as name, e.type, e.position
        from event e
        where e.log_id = p_log and e.stream = 'eventsite-pauses' and e.data::text <> 'null'
        order by 1, 2, e.version desc
    ) last
    where last.type like '%.paused';
    update log_head h set rules_at = h.head
    where h.log_id = p_log and exists (select from pause p where p.log_id = p_log);
$$;
