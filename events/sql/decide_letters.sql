-- Retries, skips or escalates dead letters of one subscription, whose name is given; `p_decision` is retry, skip or escalate.
-- `p_prefix` is the stream prefix of the token that decides, or null for people; it must be the subscription's.
--
-- A letter in which there is nothing to decide is left as it is: it is retried or done already, or assigned to this one. So it is
-- safe to decide twice. Returns each letter with its state, and whether this call has changed it. One server event records all.
create or replace function decide_letters(
    p_log int, p_name text, p_prefix text, p_positions bigint[], p_decision text, p_by text, p_to text, p_note text
) returns table (letter_position bigint, is_decided boolean, letter_state text) language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_subscription int;
    v_decided bigint[];
    v_held bigint[];
begin
    select id into v_subscription from subscription
    where log_id = p_log and name = p_name and (p_prefix is null or stream_prefix = p_prefix) for update;
    if not found then
        return;
    end if;
    -- A statement of its own, in the order of positions, as all that settles locks the rows of keys, and before those of letters.
    -- An append that settles may give a key to its next event at this moment: its row is locked by the key.
    perform from (
        select k.key from (
            select distinct key from dead_letter
            where log_id = p_log and subscription_id = v_subscription and position = any (p_positions) and key is not null
        ) k, lateral (
            select position from delivery
            where log_id = p_log and subscription_id = v_subscription and key >= k.key and key <= k.key
            order by key limit 1
        ) d order by d.position
    ) k, lateral (
        select from delivery
        where log_id = p_log and subscription_id = v_subscription and key >= k.key and key <= k.key
        order by key limit 1 for update
    ) d;
    v_decided := array(
        select position from dead_letter
        where log_id = p_log and subscription_id = v_subscription and position = any (p_positions)
            and state in ('open', 'escalated')
            and (p_decision <> 'escalate' or state = 'open' or (assigned_to, note) is distinct from (p_to, p_note))
        order by position for update);

    update dead_letter set
        state = case p_decision when 'retry' then 'retrying' when 'skip' then 'skipped' else 'escalated' end,
        assigned_to = coalesce(p_to, assigned_to), note = p_note, decided_by = p_by, decided_at = clock_timestamp()
    where log_id = p_log and subscription_id = v_subscription and position = any (v_decided);
    case p_decision
        when 'retry' then
            perform retry_letters(p_log, v_subscription, v_decided);
        when 'skip' then
            v_held := array(
                select position from delivery
                where log_id = p_log and subscription_id = v_subscription and position = any (v_decided) and state = 3);
            if v_held <> '{}' then
                perform free_keys(p_log, v_subscription, v_held);
            end if;
        else null;
    end case;

    if v_decided <> '{}' then
        insert into server_event (log_id, id, subject, type, facts, by, about)
        values (
            -- Of several that are due, the first decision is appended first.
            p_log, format('dead-letter-%s-%s', to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS'), left(gen_random_uuid()::text, 8)),
            format('subscription-%s', p_name),
            case p_decision when 'retry' then 'dead-letter.retried' when 'skip' then 'dead-letter.skipped'
                            else 'dead-letter.escalated' end,
            json_strip_nulls(json_build_object(
                'subscription', p_name, 'count', cardinality(v_decided), 'positions', v_decided, 'to', p_to, 'note', p_note)),
            p_by, case cardinality(v_decided) when 1 then v_decided[1] end);
    end if;
    return query
        select position, position = any (v_decided), state from dead_letter
        where log_id = p_log and subscription_id = v_subscription and position = any (p_positions);
end $$;
