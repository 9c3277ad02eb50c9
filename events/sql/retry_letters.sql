-- Makes the events of dead letters ready again, each for one more attempt. Their attempts go on to be counted.
--
-- A letter that holds its key is the first of its key still. The key of one that passed may be with a later event by now: that one
-- is left to its consumer, and the letter's event is the next of its key. The caller holds the lock of the subscription, and those of
-- the keys' rows of `delivery`.
create or replace function retry_letters(p_log int, p_subscription int, p_positions bigint[])
returns void language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    l record;
    v_chain bigint;
begin
    update delivery set state = 0, due = null
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions) and state = 3;

    for l in
        select position, key, attempts from dead_letter
        where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)
        order by position
    loop
        continue when exists (
            select from delivery where log_id = p_log and subscription_id = p_subscription and position = l.position);
        update delivery set waiting = waiting + 1, has_earlier = true
        where ctid = (
            select ctid from delivery
            where log_id = p_log and subscription_id = p_subscription and key >= l.key and key <= l.key order by key limit 1)
        returning chain into v_chain;
        if found then
            insert into waiting_event (log_id, subscription_id, chain, position)
            values (p_log, p_subscription, v_chain, l.position);
        else
            insert into delivery (log_id, subscription_id, position, chain, key, attempt)
            values (p_log, p_subscription, l.position, l.position, l.key, l.attempts);
        end if;
    end loop;
    -- Takes begin their search for ready events there.
    update subscription_place set turn = turn + 1, lowest = p_positions[1] - 1
    where lowest >= p_positions[1] and ctid = (
        select ctid from subscription_place where log_id = p_log and subscription_id = p_subscription order by turn desc limit 1);
end $$;
