-- Empties one event's data and metadata: the only way in which an event ever changes. Under the log's lock, and in one
-- transaction, it appends the event.redacted that says so, records who and why, and updates the row; guard_event() and
-- guard_redaction() let this pass because they see the record. The digest stays: a retry of the first append is still
-- recognised as one, and an import of an old export does not bring the content back.
--
-- An event that is redacted already is left alone: `fresh` is false and `marker_position` that of the first time.
create or replace function redact_event(
    p_log int, p_position bigint, p_reason text, p_by text,
    m_stream text, m_id text, m_data text, m_correlation_id text, m_causation_id text, m_digest bytea,
    out marker_position bigint, out fresh boolean
) language plpgsql volatile as $$
declare
    v_null constant text := e'\x1e';
    v_done boolean;
begin
    perform from log_head where log_id = p_log for update;
    select r.marker_position into marker_position from redaction r where r.log_id = p_log and r.position = p_position;
    fresh := not found;
    if not fresh then
        return;
    end if;
    if exists (select from redaction r where r.log_id = p_log and r.marker_position = p_position) then
        raise exception 'the event at % says that another was redacted: it stays', p_position
            using errcode = 'integrity_constraint_violation';
    end if;

    select a.done, a.first_position into strict v_done, marker_position
    from append_events(
        p_log, s_name => m_stream, s_needed => v_null,
        e_stream => '1', e_seq => '1', e_id => m_id, e_type => 'event.redacted', e_data => m_data, e_metadata => '{}',
        e_agent => p_by, e_schema_version => '1', e_correlation_id => coalesce(m_correlation_id, v_null),
        e_causation_id => m_causation_id, e_occurred_at => v_null, e_expected_version => v_null,
        e_read_position => v_null, e_digest => encode(m_digest, 'hex'),
        k_key => '', k_fingerprint => '', k_first => '', k_last => '') a;
    if not v_done then
        raise exception 'the event.redacted could not be appended' using errcode = 'integrity_constraint_violation';
    end if;

    insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason)
    select p_log, p_position, marker_position, e.recorded_at, p_by, p_reason
    from event e where e.log_id = p_log and e.position = marker_position;

    update event e set data = 'null', metadata = '{}' where e.log_id = p_log and e.position = p_position;
    if not found then
        raise exception 'there is no event at %', p_position using errcode = 'integrity_constraint_violation';
    end if;
end $$;
