-- Empties what is known of the failures of an event that was redacted, in all subscriptions. If the event records a decision about
-- dead letters, their copies of its note go.
--
-- A consumer may tell of a failure at this moment: it has locked the row of its delivery, or will do so and then find the redaction.
-- The caller holds the lock of the log's row.
create or replace function redact_failures(p_log int, p_position bigint, p_stream text, p_data json)
returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_subscription int;
begin
    for v_subscription in select id from subscription where log_id = p_log order by id loop
        perform from delivery
        where log_id = p_log and subscription_id = v_subscription and position = p_position for update;
        perform empty_failures(p_log, v_subscription, array[p_position]);
    end loop;
    if starts_with(p_stream, 'eventsite-') then
        update dead_letter set note = null
        where log_id = p_log and note = coalesce(p_data ->> 'note', p_data #>> '{order,note}');
    end if;
end $$;
