-- What keeps the log append-only, whoever asks. `always`: session_replication_role can't switch it off.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- An event changes in one way only: redact_event() emptied it, in this transaction, and recorded who and why.
create function guard_event() returns trigger language plpgsql as $$
begin
    if exists (
        select from redaction r
        where r.log_id = old.log_id and r.position = old.position
          and r.xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295)
    )
    and new.data::text = 'null' and new.metadata::text = '{}'
    and (new.log_id, new.position, new.version, new.recorded_at, new.schema_version, new.stream, new.id, new.type,
         new.digest, new.occurred_at, new.agent, new.correlation_id, new.causation_id, new.expected_version,
         new.read_position)
        is not distinct from
        (old.log_id, old.position, old.version, old.recorded_at, old.schema_version, old.stream, old.id, old.type,
         old.digest, old.occurred_at, old.agent, old.correlation_id, old.causation_id, old.expected_version,
         old.read_position)
    then
        return new;
    end if;
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
