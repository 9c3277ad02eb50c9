-- An event changes in one way only: redact_event() emptied it, in this transaction, and recorded who and why.
create or replace function guard_event() returns trigger language plpgsql as $$
begin
    if exists (
        select from redaction r
        where r.log_id = old.log_id and r.position = old.position
          and r.xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295)
    )
    and new.data::text = 'null' and new.metadata::text = '{}' and new.salt is null and new.digest is null
    and (new.log_id, new.position, new.version, new.recorded_at, new.schema_version, new.stream, new.id, new.type,
         new.occurred_at, new.agent, new.correlation_id, new.causation_id, new.expected_version, new.read_position,
         new.tags)
        is not distinct from
        (old.log_id, old.position, old.version, old.recorded_at, old.schema_version, old.stream, old.id, old.type,
         old.occurred_at, old.agent, old.correlation_id, old.causation_id, old.expected_version, old.read_position,
         old.tags)
    then
        return new;
    end if;
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
