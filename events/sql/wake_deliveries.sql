-- Ends what has waited long enough: pauses before further attempts, and deliveries whose deadline has passed. `p_from` is not later
-- than any deadline (`subscription_place.due_from`).
--
-- After a pause the token stays until the event is taken again, so that a failure that is sent again is told that it was settled.
--
-- Indexes find them, so this costs nothing while there are none. What an append settles at this moment is left alone. The caller
-- holds the subscription's lock.
create or replace function wake_deliveries(p_log int, p_subscription int, p_now timestamptz, p_from timestamptz) returns void
language plpgsql volatile as $$
declare
    v_expired bigint[];
begin
    if exists (
        select from delivery
        where log_id = p_log and subscription_id = p_subscription and state = 1 and due >= p_from and due <= p_now
        order by due limit 1
    ) then
        v_expired := array(
            select position from delivery
            where log_id = p_log and subscription_id = p_subscription and state = 1 and due >= p_from and due <= p_now
            order by due limit 1000 for update skip locked);
        perform fail_deliveries(p_log, p_subscription, p_now, v_expired, 'expired', null,
            'Expired', 'The deadline passed.', null, 'The deadline passed.', '', 'expired');
    end if;
    if exists (
        select from delivery where log_id = p_log and subscription_id = p_subscription and state = 2 and due <= p_now
        order by due limit 1
    ) then
        update delivery set state = 0, due = null
        where ctid = any (array(
            select ctid from delivery
            where log_id = p_log and subscription_id = p_subscription and state = 2 and due <= p_now order by due limit 1000));
    end if;
end $$;
