-- Lets the keys of settled deliveries go on: the next event of each key becomes ready; without one, the key's row goes.
--
-- The caller holds the locks of these rows of `delivery`. Whoever lets an event wait for its key locks the same row.
create or replace function free_keys(p_log int, p_subscription int, p_positions bigint[])
returns void language plpgsql volatile as $$
declare
    v_gone int;
begin
    delete from delivery
    where log_id = p_log and subscription_id = p_subscription and position = any (p_positions) and waiting = 0;
    get diagnostics v_gone = row_count;
    if v_gone < cardinality(p_positions) then
        perform next_of_keys(p_log, p_subscription, array(
            select ctid from delivery
            where log_id = p_log and subscription_id = p_subscription and position = any (p_positions)));
    end if;
end $$;
