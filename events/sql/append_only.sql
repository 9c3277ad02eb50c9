-- What keeps the log append-only, whoever asks. `always`: session_replication_role can't switch it off.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- A redaction points at the event.redacted that announces it; without one it is refused.
create function guard_redaction() returns trigger language plpgsql as $$
begin
    if not exists (
        select from event e
        where e.log_id = new.log_id and e.position = new.marker_position and e.type = 'event.redacted'
    ) then
        raise exception 'a redaction needs its event.redacted' using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;

create trigger event_update before update on event for each row execute function guard_event();
create trigger event_delete before delete on event for each row execute function refuse_change();
create trigger event_truncate before truncate on event for each statement execute function refuse_change();
alter table event enable always trigger event_update;
alter table event enable always trigger event_delete;
alter table event enable always trigger event_truncate;

create trigger redaction_insert before insert on redaction for each row execute function guard_redaction();
create trigger redaction_change before update or delete on redaction for each row execute function refuse_change();
create trigger redaction_truncate before truncate on redaction for each statement execute function refuse_change();
alter table redaction enable always trigger redaction_insert;
alter table redaction enable always trigger redaction_change;
alter table redaction enable always trigger redaction_truncate;

create trigger append_key_change before update or delete on append_key for each row execute function refuse_change();
create trigger append_key_truncate before truncate on append_key for each statement execute function refuse_change();
alter table append_key enable always trigger append_key_change;
alter table append_key enable always trigger append_key_truncate;

create trigger log_change before update or delete on log for each row execute function guard_log();
create trigger log_truncate before truncate on log for each statement execute function refuse_change();
alter table log enable always trigger log_change;
alter table log enable always trigger log_truncate;
