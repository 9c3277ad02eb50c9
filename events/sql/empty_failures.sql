-- Empties what failures say that may quote an event which was redacted: messages and tracebacks, plain messages, and the notes of
-- decisions. The fault was made from the message, so it goes, too. The type of an error, and the frame, are of the consumer's code.
create or replace function empty_failures(p_log int, p_subscription int, p_positions bigint[])
returns void language sql volatile as $$
    update failed_attempt set message = null, traceback = null, plain_message = '', fault = 'redacted'
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions);
    update dead_letter set plain_message = '', fault = 'redacted', note = null
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions);
$$;
