-- Empties what is known of the failures of an event that was redacted, in all subscriptions. If the event records a decision about
-- dead letters, their copies of its note go.
--
-- Letters are locked as by decisions (decide_letters.sql): by subscription, then by position. For a note all letters of the log are
-- read: such a redaction is rare, and each decision would have to write an index of notes.
--
-- A consumer may tell of a failure at this moment: it has locked the row of its delivery, or will do so and then find the redaction.
-- The caller holds the lock of the log's row.
create or replace function redact_failures(p_log int, p_position bigint, p_stream text, p_data json)
returns void language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_note constant text := case
        when starts_with(p_stream, 'eventsite-') then coalesce(p_data ->> 'note', p_data #>> '{order,note}') end;
    v_subscription int;
begin
    for v_subscription in select id from subscription where log_id = p_log order by id loop
        perform from delivery
        where log_id = p_log and subscription_id = v_subscription and position = p_position for update;
        if v_note is not null then
            perform from dead_letter
            where log_id = p_log and subscription_id = v_subscription and (position = p_position or note = v_note)
            order by position for update;
            update dead_letter set note = null
            where log_id = p_log and subscription_id = v_subscription and note = v_note;
        end if;
        perform empty_failures(p_log, v_subscription, array[p_position]);
    end loop;
end $$;
