-- Adds outcomes to one breaker, and opens or closes it. While it is open, or half-open, the outcome of its trial alone counts:
-- other deliveries were taken before.
create or replace function judge_breaker(
    p_log int, p_subscription int, p_consumer text, p_positions bigint[], p_failed boolean, p_settings jsonb
) returns void language plpgsql volatile as $$
declare
    v_failures constant int := p_settings ->> 'failures';
    v breaker%rowtype;
begin
    -- A breaker that was not used for a day may be forgotten at this moment (NOTE_CONSUMERS).
    loop
        select * into v from breaker b
        where b.log_id = p_log and b.subscription_id = p_subscription and b.consumer = p_consumer for update;
        exit when found;
        insert into breaker (log_id, subscription_id, consumer) values (p_log, p_subscription, p_consumer) on conflict do nothing;
    end loop;
    if v.state = 0 then
        v.outcomes := right(
            v.outcomes || repeat(case when p_failed then '1' else '0' end, cardinality(p_positions)), (p_settings ->> 'of')::int);
        if p_failed then
            v.failed := (v.failed || p_positions)[greatest(1, cardinality(v.failed || p_positions) - v_failures + 1) :];
        end if;
        if length(v.outcomes) >= (p_settings ->> 'minimum')::int and length(replace(v.outcomes, '0', '')) >= v_failures then
            v.state := 1;
        end if;
    elsif v.state = 2 and v.trial = any (p_positions) then
        v.outcomes := case when p_failed then '1' else '0' end;
        v.failed := case when p_failed then array[v.trial] else '{}' end;
        v.state := case when p_failed then 1 else 0 end;
    else
        return;
    end if;
    perform set_breaker(v, (p_settings ->> 'pause')::float);
end $$;
