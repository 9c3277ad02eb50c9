-- A log that holds events is never deleted or renumbered.
create or replace function guard_log() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and not exists (select from log_head h where h.log_id = old.id and h.head > 0) then
        return old;
    end if;
    if tg_op = 'UPDATE' and new.id = old.id then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
