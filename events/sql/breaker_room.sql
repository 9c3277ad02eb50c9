-- The number of events that breakers allow a consumer: none while its own or the subscription's is open, or tries one event; one
-- if it is the trial; null, if they are closed. A breaker whose pause is over becomes half-open.
--
-- If one of the two is not closed, both are locked, the subscription's first, as where outcomes are noted (note_outcomes.sql).
-- Whatever is delivered first is the trial (begin_trial()). If it is given back, or becomes void, there is another one.
create or replace function breaker_room(p_log int, p_subscription int, p_consumer text, p_now timestamptz) returns int
language plpgsql volatile as $$
declare
    v breaker%rowtype;
    v_room int;
begin
    for v in
        select * from breaker b
        where b.log_id = p_log and b.subscription_id = p_subscription and b.consumer in ('', p_consumer) and exists (
            select from breaker o
            where o.log_id = p_log and o.subscription_id = p_subscription and o.consumer in ('', p_consumer) and o.state <> 0)
        order by b.consumer for update
    loop
        continue when v.state = 0;
        if v.state = 1 and v.until > p_now then
            return 0;
        elsif v.state = 1 then
            v.state := 2;
            v.trial := null;
            v.trial_token := null;
            perform set_breaker(v, null);
        elsif exists (
            select from delivery d
            where d.log_id = p_log and d.subscription_id = p_subscription and d.position = v.trial
                and d.token = v.trial_token and d.state = 1
        ) then
            return 0;
        end if;
        v_room := 1;
    end loop;
    return v_room;
end $$;
