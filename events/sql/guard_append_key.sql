-- An idempotency key changes in one way only: redact_event() emptied one of its events, in this transaction, and so the
-- key loses its fingerprint.
create or replace function guard_append_key() returns trigger language plpgsql as $$
begin
    if exists (
        select from redaction r
        where r.log_id = old.log_id and r.position between old.first_position and old.last_position
          and r.xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295)
    )
    and new.salt is null and new.fingerprint is null
    and (new.log_id, new.key, new.first_position, new.last_position)
        = (old.log_id, old.key, old.first_position, old.last_position)
    then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
