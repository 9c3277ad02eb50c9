-- Holds what some exports brought to a log, as pieces of traces. The lists are texts, with commas between: to send arrays takes Python a tenth
-- of a millisecond more. The bodies of the pieces, of `p_sizes` bytes, follow each other in `p_bodies`.
--
-- A trace is due when its root has ended and `p_settle` seconds have passed, or when nothing has come for `p_silence` seconds, or when it
-- holds `p_most_bytes`. What comes after it was mapped waits again.
--
-- A piece gets its number under the lock of its trace, so what is read up to a number is complete. Traces are locked in the order of
-- their ids, and before the links: nobody waits in a circle.
create or replace function hold_exports(
    p_log int, p_tokens text, p_are_records text,
    p_traces text, p_counts text, p_bytes text, p_roots text, p_sizes text, p_bodies bytea, p_linked text, p_linked_to text,
    p_settle float, p_silence float, p_most_bytes bigint
) returns void language plpgsql volatile
set plan_cache_mode = force_generic_plan set jit = off
as $$
begin
    with piece as materialized (
        select number, token::bigint, are_records::boolean, trace_id::uuid, count::int, bytes::int, has_root::boolean,
            substring(p_bodies from (sum(size::int) over (order by number))::int - size::int + 1 for size::int) as body
        from unnest(
            string_to_array(p_tokens, ','), string_to_array(p_are_records, ','), string_to_array(p_traces, ','),
            string_to_array(p_counts, ','), string_to_array(p_bytes, ','), string_to_array(p_roots, ','), string_to_array(p_sizes, ',')
        ) with ordinality as p (token, are_records, trace_id, count, bytes, has_root, size, number)
    ), trace as (
        select trace_id, count(*)::int as new_pieces, sum(bytes) as bytes, bool_or(has_root) as has_root,
            coalesce(sum(count) filter (where not are_records), 0) as spans, coalesce(sum(count) filter (where are_records), 0) as records
        from piece group by trace_id
    ), held as (
        insert into otel_trace as t (
            log_id, trace_id, due_at, last_at, pieces, held_spans, held_records, held_bytes, has_root
        )
        select p_log, trace_id,
            now() + make_interval(secs => case when bytes >= p_most_bytes then 0 when has_root then p_settle else p_silence end),
            now(), new_pieces, spans, records, bytes, has_root
        from trace order by trace_id
        on conflict (log_id, trace_id) do update set
            due_at = case
                when t.held_bytes + excluded.held_bytes >= p_most_bytes then now()
                when t.due_at <= now() or t.has_root then coalesce(t.due_at, now() + make_interval(secs => p_settle))
                else excluded.due_at end,
            last_at = now(),
            pieces = t.pieces + excluded.pieces,
            held_spans = t.held_spans + excluded.held_spans,
            held_records = t.held_records + excluded.held_records,
            held_bytes = t.held_bytes + excluded.held_bytes,
            has_root = t.has_root or excluded.has_root
        returning trace_id, pieces
    )
    insert into otel_piece (log_id, trace_id, number, token_id, received_at, count, bytes, are_records, body)
    select p_log, trace_id, held.pieces - new_pieces + row_number() over (partition by trace_id order by number),
        token, now(), count, piece.bytes, are_records, body
    from piece join trace using (trace_id) join held using (trace_id);

    if p_linked <> '' then
        insert into otel_link (log_id, trace_id, other_id)
        select p_log, one, other
        from unnest(string_to_array(p_linked, ',')::uuid[], string_to_array(p_linked_to, ',')::uuid[]) as l (one, other)
        order by one, other on conflict do nothing;
    end if;
end $$;
