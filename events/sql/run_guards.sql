-- Asks the guards of one flush, under the log's lock: what must hold for an append besides ids, keys and versions, and
-- what is written with it. append_events() calls this last, when nothing else stands against the flush.
--
-- `p_guards` has a member for each kind of guard: a list of objects, each with `append` and `guard`, the numbers of the
-- append in the flush and of the guard in the append (from 0). A kind is one function below, which takes the log, its head
-- and its list, and returns a JSON array of its refusals, or null if it agrees. A refusal has the same two numbers, and says
-- why.
--
-- A guard is left out if it agrees by what the caller knows of the events up to its member `upto` (appending/names.py). If
-- another event came, nothing is asked, and the refusal says `unread`: the caller comes back with all guards.
--
-- Guards that only check come first. A guard that writes runs when all these agree, so a refusal leaves nothing behind.
create or replace function run_guards(p_log int, p_head bigint, p_guards json) returns json language plpgsql volatile as $$
declare
    g record;
    refusals json;
begin
    -- One look at the whole text: each `->` would read it again from its beginning.
    select * into g
    from json_to_record(p_guards)
        r(upto bigint, lease json, "if" json, pause json, lease_move json, rule json, lease_demands json, settles json);
    if g.upto < p_head then
        return '[{"unread": true}]';
    end if;
    if g.lease is not null then
        refusals := check_leases(p_log, g.lease);
    end if;
    if refusals is null and g."if" is not null then
        refusals := check_conditions(p_log, p_head, g."if");
    end if;
    if refusals is null and g.pause is not null then
        refusals := check_pauses(p_log, g.pause);
    end if;
    if refusals is null and g.lease_move is not null then
        refusals := check_lease_moves(p_log, g.lease_move);
    end if;
    -- It checks and writes at once, so it comes after all other checks.
    if refusals is null and g.settles is not null then
        refusals := settle_by_append(p_log, g.settles);
    end if;
    if refusals is null and g.lease_move is not null then
        perform move_leases(p_log, p_head, g.lease_move);
    end if;
    if refusals is null and g.rule is not null then
        perform set_rules_at(p_log, p_head, g.rule);
    end if;
    if refusals is null and g.pause is not null then
        perform set_pauses(p_log, p_head, g.pause);
    end if;
    if refusals is null and g.lease_demands is not null then
        perform set_lease_demands(p_log, p_head, g.lease_demands);
    end if;
    return refusals;
end $$;
