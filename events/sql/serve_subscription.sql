-- Does the waiting work of one subscription in one transaction: settlements, expired deadlines, retries, takes.
--
-- The row of the subscription is its lock: one caller at a time, in all processes. So the order of a key can't be broken. An append
-- that settles has no lock but of rows of `delivery`; for these a caller waits in its first statement only, in the order of positions.
--
--   p_version      the version of the subscription's settings that the caller knows; if it is another, nothing is done, and
--                  `served` is false. It is null if there is no such subscription
--   p_acks, p_ack_tokens, p_ack_consumers, p_ack_agents  deliveries that are done: positions, tokens, consumers and
--                  agents, joined by U+001F. Consumers and agents may be null, which is U+001E
--   p_settlements  instead of them, a list for settle_deliveries()
--   p_takes        a list of {n, consumer, agent, limit, request}
--   p_from, p_to   the caller searched the log for the subscription's events after one position, up to another
--   p_positions, p_keys  the events that it found, joined so; a key may be null. If another caller has read on meanwhile,
--                  they are not looked at: the caller searches again, from `read_to`
--
-- `settled` is the answer of settle_deliveries(); of `p_acks` it has those only that were not simply settled. `taken` is a list with
-- [number of the take, position, key, attempt, deadline, head, token] of each event that was delivered before, or is delivered
-- again. `new` is a list with [number of the take, positions, deadline, token] of events that are delivered for the first time.
-- `has_ready`: there are events left that were read and can be delivered. `due_in` are the seconds until the next deadline or pause ends.
create or replace function serve_subscription(
    p_log int, p_subscription int, p_version int,
    p_acks text, p_ack_tokens text, p_ack_consumers text, p_ack_agents text, p_settlements json, p_takes json,
    p_from bigint, p_to bigint, p_positions text, p_keys text,
    out served boolean, out settled json, out taken json, out new json, out read_to bigint, out head bigint,
    out redacted_at bigint, out has_ready boolean, out due_in float
) language plpgsql volatile
-- Of all functions that are called from here, too.
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
    v_now timestamptz;
    v_generation int;
    v_has_breaker boolean;
    v_is_paused boolean;
    v_room int;
    v_room_each int;
    v_deadline float;
    v_due timestamptz;
    v_due_from timestamptz;
    v_next record;
    v_attempts int;
    v_lowest bigint;
    v_rules_at bigint;
    v_has_order boolean;
    v_positions bigint[] := '{}';
    v_keys text[] := '{}';
    v_used int := 0;
    v_has int;
    v_requests text[];
    v_has_repeated boolean;
    v_consumers text[];
    v_counts int[];
    v_taken bigint[];
    v_token uuid;
    v_count int;
    v_slice int;
    p record;
    t record;
    r record;
    n record;
begin
    select s.version = p_version, s.is_paused, s.max_in_flight, s.max_in_flight_per_consumer, s.max_attempts, s.ack_deadline,
        s.generation, s.breaker is not null, s.rules_at, s.order_by <> 'none'
    into served, v_is_paused, v_room, v_room_each, v_attempts, v_deadline, v_generation, v_has_breaker, v_rules_at, v_has_order
    from subscription s where s.log_id = p_log and s.id = p_subscription for update;
    if served is not true then
        return;
    end if;
    -- The wait for the lock is over now, and this statement sees what its last holder has changed.
    select * into strict p from subscription_place l where l.log_id = p_log and l.subscription_id = p_subscription order by l.turn desc limit 1;
    read_to := p.read_to;
    v_lowest := p.lowest;
    v_due_from := coalesce(p.due_from, '-infinity');
    v_now := clock_timestamp();
    v_due := v_now + make_interval(secs => v_deadline);
    if p_acks <> '' then
        settled := acknowledge(
            p_log, p_subscription, v_generation, v_has_breaker, v_now, string_to_array(p_acks, e'\x1f')::bigint[], string_to_array(p_ack_tokens, e'\x1f')::uuid[],
            string_to_array(p_ack_consumers, e'\x1f', e'\x1e'), string_to_array(p_ack_agents, e'\x1f', e'\x1e'));
    elsif p_settlements is not null then
        settled := settle_deliveries(p_log, p_subscription, v_now, p_settlements);
        v_due_from := least(v_due_from, v_now + make_interval(secs => (
            select min(s.seconds) from json_to_recordset(p_settlements) s(outcome text, seconds float) where s.outcome = 'extend')));
    end if;
    perform wake_deliveries(p_log, p_subscription, v_now, v_due_from);
    perform wake_workflows(p_log, p_subscription, v_rules_at);
    redacted_at := coalesce((
        select marker_position from redaction where log_id = p_log order by marker_position desc limit 1), 0);
    select h.head into strict head from log_head h where h.log_id = p_log;

    taken := '[]';
    new := '[]';
    if p_takes is not null then
        if p_from = read_to and p_positions <> '' and not v_is_paused then
            v_positions := string_to_array(p_positions, e'\x1f')::bigint[];
            v_keys := string_to_array(p_keys, e'\x1f', e'\x1e');
        end if;
        -- Requests that are there twice, or have deliveries. Mostly there is none, and nothing of what is in flight is looked at again.
        select array_agg(request), count(*) > count(distinct request) into v_requests, v_has_repeated
        from json_to_recordset(p_takes) k(request text);
        select coalesce(array_agg(consumer), '{}'), array_agg(events), v_has_repeated or coalesce(bool_or(is_repeated), false)
        into v_consumers, v_counts, v_has_repeated
        from (
            select consumer, count(*)::int as events, bool_or(request = any (v_requests)) as is_repeated from delivery
            where log_id = p_log and subscription_id = p_subscription and state = 1 and due >= v_due_from group by consumer
        ) c;
        -- A pause lets nothing new through; who asks again gets what it has.
        v_room := case when v_is_paused then 0 else v_room - coalesce((select sum(c) from unnest(v_counts) c), 0) end;
        for t in
            select * from json_to_recordset(p_takes) k(n int, consumer text, agent text, "limit" int, request text)
            where not is_paused(p_log, k.agent, null) order by n
        loop
            v_has := coalesce(v_counts[array_position(v_consumers, t.consumer)], 0);
            if v_has > 0 and v_has_repeated then
                v_taken := deliveries_of(p_log, p_subscription, v_now, t.consumer, t.agent, t.request);
                if v_taken <> '{}' then
                    taken := taken::jsonb || describe_deliveries(p_log, p_subscription, t.n, v_taken);
                    continue;
                end if;
            end if;
            continue when v_room <= 0;
            t.limit := least(t.limit, v_room, v_room_each - v_has,
                case when v_has_breaker then breaker_room(p_log, p_subscription, t.consumer, v_now) end);
            continue when t.limit <= 0;
            v_token := gen_random_uuid();
            loop
                select * into r from take_ready(
                    p_log, p_subscription, v_now, v_due, head, v_token, v_lowest, v_attempts, t.consumer, t.agent, t.request, t.limit);
                v_taken := hold_paused(p_log, p_subscription, r.positions);
                exit when v_taken <> '{}' or r.positions = '{}';
            end loop;
            v_count := cardinality(v_taken);
            if v_count > 0 then
                taken := taken::jsonb || describe_deliveries(p_log, p_subscription, t.n, v_taken);
            end if;
            v_slice := t.limit;
            while not r.is_alone and v_count < t.limit and v_used < cardinality(v_positions) loop
                select * into n from take_new(
                    p_log, p_subscription, v_now, v_due, head, v_token, t.consumer, t.agent, t.request, t.limit - v_count,
                    v_positions[v_used + 1 : v_used + v_slice], v_keys[v_used + 1 : v_used + v_slice]);
                exit when n.used = 0;
                v_taken := hold_paused(p_log, p_subscription, n.positions);
                if v_taken <> '{}' then
                    new := new::jsonb || jsonb_build_array(jsonb_build_array(t.n, v_taken, v_due, v_token));
                end if;
                v_count := v_count + cardinality(v_taken);
                v_used := v_used + n.used;
                v_slice := 2 * v_slice;
            end loop;
            if v_has_breaker and v_count = 1 then
                perform begin_trial(p_log, p_subscription, t.consumer, v_taken[1], v_token);
            end if;
            v_room := v_room - v_count;
            if t.consumer = any (v_consumers) then
                v_counts[array_position(v_consumers, t.consumer)] := v_has + v_count;
            else
                v_consumers := v_consumers || t.consumer;
                v_counts := v_counts || v_count;
            end if;
        end loop;
        if p_from = read_to and not v_is_paused then
            read_to := case when v_used = cardinality(v_positions) then greatest(read_to, p_to)
                            when v_used > 0 then v_positions[v_used]
                            else read_to end;
        end if;
    end if;

    -- What was just delivered may be due earlier than all else: the deadline of a subscription can be changed, and so can a clock.
    select * into strict v_next from next_due(p_log, p_subscription, least(v_due_from, v_due));
    perform note_progress(
        p_log, p_subscription, p.turn, read_to, v_lowest, coalesce(v_next.in_flight, nullif(v_due_from, '-infinity')),
        case when v_has_order then cardinality(array_positions(v_keys[1 : v_used], null)) else 0 end);
    has_ready := exists (
        select from delivery
        where log_id = p_log and subscription_id = p_subscription and state = 0 and position > v_lowest order by position limit 1);
    due_in := extract(epoch from least(v_next.in_flight, v_next.retrying) - clock_timestamp());
end $$;
