-- Does the waiting work of one subscription in one transaction: settlements, expired deadlines, retries, takes.
--
-- The row of the subscription is its lock: one caller at a time, in all processes. So the order of a key can't be broken.
--
--   p_version      the version of the subscription's settings that the caller knows; if it is another, nothing is done, and
--                  `served` is false. It is null if there is no such subscription
--   p_settlements  a list for settle_deliveries()
--   p_takes        a list of {n, consumer, agent, limit, request}
--   p_from, p_to   the caller searched the log for the subscription's events after one position, up to another
--   p_positions, p_keys  the events that it found, joined by U+001F; a key may be null, which is U+001E. If another caller has
--                  read on meanwhile, they are not looked at: the caller searches again, from `read_to`
--
-- `settled` is the answer of settle_deliveries(). `taken` is a list of deliveries, each [number of the take, position, key,
-- attempt, deadline, head, token]. `due` is the time when the next deadline or pause ends.
create or replace function serve_subscription(
    p_log int, p_subscription int, p_version int, p_settlements json, p_takes json,
    p_from bigint, p_to bigint, p_positions text, p_keys text,
    out served boolean, out settled json, out taken json, out read_to bigint, out head bigint, out redacted_at bigint,
    out due_in float
) language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_now timestamptz;
    v_is_paused boolean;
    v_room int;
    v_room_each int;
    v_deadline float;
    v_due timestamptz;
    v_attempts int;
    v_lowest bigint;
    v_positions bigint[] := '{}';
    v_keys text[] := '{}';
    v_used int := 0;
    v_taken bigint[];
    t record;
    r record;
    n record;
    v_slice int;
begin
    select s.version = p_version, s.is_paused, s.max_in_flight, s.max_in_flight_per_consumer, s.max_attempts, s.read_to, s.lowest,
        s.ack_deadline
    into served, v_is_paused, v_room, v_room_each, v_attempts, read_to, v_lowest, v_deadline
    from subscription s where s.log_id = p_log and s.id = p_subscription for update;
    if served is not true then
        return;
    end if;
    -- The wait for the lock is over now.
    v_now := clock_timestamp();
    v_due := v_now + make_interval(secs => v_deadline);
    redacted_at := coalesce((
        select marker_position from redaction where log_id = p_log order by marker_position desc limit 1), 0);
    select h.head into strict head from log_head h where h.log_id = p_log;

    if p_settlements is not null then
        settled := settle_deliveries(p_log, p_subscription, v_now, p_settlements);
    end if;
    perform wake_deliveries(p_log, p_subscription, v_now);
    perform wake_workflows(p_log, p_subscription);

    taken := '[]';
    if p_takes is not null and not v_is_paused then
        if p_from = read_to and p_positions <> '' then
            v_positions := string_to_array(p_positions, e'\x1f')::bigint[];
            v_keys := string_to_array(p_keys, e'\x1f', e'\x1e');
        end if;
        v_room := v_room - in_flight(p_log, p_subscription);
        for t in
            select * from json_to_recordset(p_takes) k(n int, consumer text, agent text, "limit" int, request text)
            where not is_paused(p_log, k.agent, null) order by n
        loop
            select array_agg(d.position) into v_taken from delivery d
            where d.log_id = p_log and d.subscription_id = p_subscription and d.state = 1 and d.due > v_now
                and d.consumer = t.consumer and d.request = t.request;
            if v_taken is null then
                t.limit := least(t.limit, v_room, v_room_each - in_flight(p_log, p_subscription, t.consumer));
                if t.limit > 0 then
                    loop
                        select * into r from take_ready(
                            p_log, p_subscription, v_now, v_due, head, v_lowest, v_attempts, t.consumer, t.agent, t.request,
                            t.limit);
                        v_taken := hold_paused(p_log, p_subscription, r.positions);
                        exit when v_taken <> '{}' or r.positions = '{}';
                    end loop;
                    -- Few events are looked at first: mostly their keys are free.
                    v_slice := 2 * t.limit;
                    while not r.is_alone and cardinality(v_taken) < t.limit and v_used < cardinality(v_positions) loop
                        select * into n from take_new(
                            p_log, p_subscription, v_now, v_due, head, t.consumer, t.agent, t.request,
                            t.limit - cardinality(v_taken), v_positions[v_used + 1 : v_used + v_slice],
                            v_keys[v_used + 1 : v_used + v_slice]);
                        v_taken := v_taken || hold_paused(p_log, p_subscription, n.positions);
                        v_used := v_used + n.used;
                        v_slice := 4 * v_slice;
                    end loop;
                    v_room := v_room - cardinality(v_taken);
                end if;
            end if;
            if v_taken <> '{}' then
                taken := taken::jsonb || describe_deliveries(p_log, p_subscription, t.n, v_taken);
            end if;
        end loop;
        if p_from = read_to then
            read_to := case when v_used = cardinality(v_positions) then greatest(read_to, p_to)
                            when v_used > 0 then v_positions[v_used]
                            else read_to end;
        end if;
    end if;

    perform count_without_key(p_log, p_subscription, v_keys[1 : v_used]);
    perform note_progress(p_log, p_subscription, read_to);
    select extract(epoch from d.due - clock_timestamp()) into due_in from delivery d
    where d.log_id = p_log and d.subscription_id = p_subscription and d.state in (1, 2) order by d.due limit 1;
end $$;
