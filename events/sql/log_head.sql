-- The end of each log, in a table of its own: whoever appends locks the row. (An advisory lock would be a node's own where
-- several nodes hold the logs.) The checkpoint of the lists is made with it.

create function add_log_rows() returns trigger language plpgsql as $$
begin
    insert into log_head (log_id) values (new.id);
    insert into list_checkpoint (log_id) values (new.id);
    return new;
end $$;

-- A head only moves forward; that of a log which holds events is never deleted.
create function guard_log_head() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.head = 0 then
        return old;
    end if;
    if tg_op = 'UPDATE' and new.log_id = old.log_id and new.head >= old.head and new.rules_at >= old.rules_at
       and (old.head_at is null or new.head_at >= old.head_at) then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

create trigger log_insert after insert on log for each row execute function add_log_rows();
alter table log enable always trigger log_insert;

-- The lists can be made anew from the events, so nothing guards them.
drop trigger if exists stream_update on stream;
drop trigger if exists stream_delete on stream;
drop trigger if exists stream_truncate on stream;
drop function if exists guard_stream();

create trigger log_head_change before update or delete on log_head for each row execute function guard_log_head();
create trigger log_head_truncate before truncate on log_head for each statement execute function refuse_change();
alter table log_head enable always trigger log_head_change;
alter table log_head enable always trigger log_head_truncate;
