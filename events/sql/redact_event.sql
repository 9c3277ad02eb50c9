-- Empties one event's data and metadata, for ever: the only way in which an event ever changes. Under the log's lock, and in
-- one transaction, it appends the event.redacted that says so, records who and why, and updates the row; guard_event() and
-- guard_redaction() let this pass because they see the record.
--
-- The event's salt and digest go, too, and the fingerprint of the key with which it was appended: from these a short secret
-- could be guessed. What stays, beside the record, is the commitment to the texts (events/commitment.py): the SHA-256 of the
-- salt and of both texts, each after its length. Without the salt it tells nothing, and it stands for the event in proofs.
--
-- An event that is redacted already is left alone: `fresh` is false and `marker_position` that of the first time.
create or replace function redact_event(
    p_log int, p_position bigint, p_reason text, p_by text,
    m_stream text, m_id text, m_data text, m_correlation_id text, m_causation_id text, m_salt bytea, m_digest bytea,
    out marker_position bigint, out fresh boolean
) language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_null constant text := e'\x1e';
    v_done boolean;
    v_event event%rowtype;
    v_data bytea;
    v_metadata bytea;
    -- An event gets its key when it is appended, so this look needs no lock: no index finds a key by its events.
    v_keys constant text[] := array(
        select key from append_key where log_id = p_log and p_position between first_position and last_position);
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
    select * into v_event from event e where e.log_id = p_log and e.position = p_position;
    if not found then
        raise exception 'there is no event at %', p_position using errcode = 'integrity_constraint_violation';
    end if;

    select a.done, a.first_position into strict v_done, marker_position
    from append_events(
        p_log, p_rules => 9223372036854775807, p_guards => '',
        s_name => m_stream, s_needed => v_null,
        e_stream => '1', e_seq => '1', e_id => m_id, e_type => 'event.redacted', e_data => m_data, e_metadata => '{}',
        e_agent => p_by, e_schema_version => '1', e_correlation_id => coalesce(m_correlation_id, v_null),
        e_causation_id => m_causation_id, e_occurred_at => v_null, e_expected_version => v_null,
        e_read_position => v_null, e_salt => encode(m_salt, 'hex'), e_digest => encode(m_digest, 'hex'), e_tags => '',
        k_key => '', k_salt => '', k_fingerprint => '', k_first => '', k_last => '') a;
    if not v_done then
        raise exception 'the event.redacted could not be appended' using errcode = 'integrity_constraint_violation';
    end if;

    v_data := convert_to(v_event.data::text, 'UTF8');
    v_metadata := convert_to(v_event.metadata::text, 'UTF8');
    insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason, commitment)
    select p_log, p_position, marker_position, e.recorded_at, p_by, p_reason,
        sha256(v_event.salt || int8send(length(v_data)) || v_data || int8send(length(v_metadata)) || v_metadata)
    from event e where e.log_id = p_log and e.position = marker_position;

    update event set data = 'null', metadata = '{}', salt = null, digest = null
    where log_id = p_log and position = p_position;
    update append_key set salt = null, fingerprint = null where log_id = p_log and key = any (v_keys);
    perform redact_failures(p_log, p_position, v_event.stream, v_event.data);
    -- Every process has the reasons of pauses in its memory, and reads them again when the rules change.
    update log_head set rules_at = marker_position
    where log_id = p_log and exists (select from pause p where p.log_id = p_log and p.position = p_position);
end $$;
