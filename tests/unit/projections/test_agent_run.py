"""Runs of several agents that come as traces: what each agent waits for, what became of each call, what it cost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog.agent_run import agent_run
from projections.catalog.open_agents import walk
from projections.definition.projection import decode
from projections.testing import assert_pure
from projections.values.diff import diff
from projections.values.exact_json import dumps
from tests.support.agent_runs import FULL, TASK, AgentRun, asked, order_run
from tests.support.histories import History
from tests.support.json_values import VALUES

MOST_CHARACTERS = 250_000
"""More than a state may have, whatever comes."""
FIELDS = tuple(
    """
    name task output error duration_ms role content reasoning tool_calls model input_tokens output_tokens cost messages
    finish_reason arguments call_id result target by instruction question answer state patch
    """.split()  # noqa: SIM905 - a list of that many lines says no more
)


def states(history: History) -> Iterator[Any]:
    """The state after each event."""
    state: Any = agent_run.initial
    for event in history.events:
        state = agent_run.reduce(state, decode(event))
        yield state


def state_of(run: AgentRun) -> Any:
    return run.history.folded(agent_run)


def doings(state: Any) -> dict[str, str]:
    """What each open agent does, by the labels that lead to it."""
    return {"/".join(path): agent["doing"] for path, agent in walk(state["open_agents"])}


def outcomes(state: Any) -> dict[str, str]:
    return {key: call["outcome"] for key, call in state["calls"].items()}


def test_each_step_tells_what_the_open_agents_wait_for() -> None:
    seen = [doings(state) for state in states(order_run().history)]
    changes = [now for before, now in zip([{}, *seen], seen, strict=False) if now != before]
    assert changes == [
        {"dispatcher": "waits for its model"},
        {"dispatcher": "calls lookup_order"},
        {"dispatcher": "waits for lookup_order"},
        {"dispatcher": "waits for its model"},
        {"dispatcher": "calls transfer_to_router"},
        {"dispatcher": "handed over to router"},
        {},
        {"router": "waits for its model"},
        {"router": "calls reserve_van, weigh"},
        {"router": "waits for reserve_van"},
        {"router": "waits for reserve_van, weigh"},
        {"router": "waits for reserve_van, weigh", "router/weigher": "waits for its model"},
        {"router": "waits for weigh", "router/weigher": "waits for its model"},
        {"router": "waits for weigh", "router/weigher": "has replied"},
        {"router": "waits for weigh"},
        {"router": "waits for its model"},
        {"router": "calls reserve_van"},
        {"router": "waits for reserve_van"},
        {"router": "waits for its model"},
        {"router": "calls transfer_to_notifier"},
        {"router": "handed over to notifier"},
        {},
        {"notifier": "waits for its model"},
        {"notifier": "its model failed"},
        {"notifier": "calls send_notice"},
        {"notifier": "waits for send_notice"},
        {"notifier": "waits for its model"},
        {"notifier": "has replied"},
        {},
    ]


def test_a_failing_tool_shows_as_a_change_of_its_call_and_as_the_last_error() -> None:
    every = list(states(order_run().history))
    changes = {change.path: change for change in diff(every[12], every[13])}
    outcome = changes["/calls/11 reserve_van/outcome"]
    assert (outcome.old, outcome.value) == ("pending", "failed")
    assert every[13]["last_error"] == {
        "error": f"VanFull: {FULL}", "where": "tool reserve_van", "by": "router", "call": "11 reserve_van",
        "position": 14,
    }  # fmt: skip
    assert set(changes) == {
        "/errors", *(f"/last_error/{name}" for name in every[13]["last_error"]), "/open_agents/router/doing",
        *(f"/calls/11 reserve_van/{name}" for name in ("outcome", "error", "took_ms")),
        "/tools/reserve_van/pending", "/tools/reserve_van/failed",
        "/causes/agents/run-4bf92f3577b34da6:000000000000000e",
    }  # fmt: skip


def test_at_its_end_a_run_has_its_answer_its_calls_and_its_messages() -> None:
    state = state_of(order_run())
    assert (state["status"], state["name"], state["task"], state["errors"]) == ("finished", "depot", TASK, 2)
    assert (state["output"], state["duration_ms"], state["open_agents"]) == ("Ada knows: 14:30, van V2.", 2_470, {})
    assert state["calls"]["19 reserve_van"] == {
        "outcome": "returned", "by": "router", "arguments": "order_id=“1004”, van=“V2”", "attempt": 2,
        "call_id": "call_r2", "result": {"van": "V2", "slot": "14:30"}, "took_ms": 30,
    }  # fmt: skip
    assert state["tools"]["reserve_van"] == {"pending": 0, "returned": 1, "failed": 1, "retried": 1}
    assert state["messages"] == {
        "3 system → dispatcher": "You dispatch orders.",
        "3 dispatcher": "→ lookup_order(order_id=“1004”)",
        "6 dispatcher": "→ transfer_to_router()",
        "10 router": "→ reserve_van(order_id=“1004”, van=“V1”)\n→ weigh(input=“Weigh order 1004.”)",
        "15 weigher": "Order 1004 weighs 310 kg.",
        "18 router": "→ reserve_van(order_id=“1004”, van=“V2”)",
        "21 router": "→ transfer_to_notifier()",
        "26 notifier": "→ send_notice(order_id=“1004”, text=“Your order comes at 14:30.”)",
        "29 notifier": "Ada knows: 14:30, van V2.",
    }
    assert state["delegations"] == {
        "7 dispatcher → router": "Route order 1004: 310 kg from depot 2.",
        "22 router → notifier": None,
    }


def test_tokens_and_cost_are_added_up_in_all_by_agent_and_by_model() -> None:
    state = state_of(order_run())
    assert state["usage"] == {
        "replies": 8, "input_tokens": 2_383, "output_tokens": 123, "cost": Decimal("0.0016"), "model_errors": 1,
    }  # fmt: skip
    for table in ("agents", "models"):
        for name in ("replies", "input_tokens", "output_tokens", "cost", "model_errors"):
            assert sum(each.get(name, 0) for each in state[table].values()) == state["usage"][name]
    assert (state["agents"]["router"]["input_tokens"], state["models"]["gpt-4o-mini"]["replies"]) == (1_009, 3)
    assert {name: each["finished"] for name, each in state["agents"].items()} == {
        "dispatcher": 1, "router": 1, "weigher": 1, "notifier": 1,
    }  # fmt: skip


@pytest.mark.parametrize("odd", [True, "12", -5, 10**30, Decimal("1E+40"), Decimal("1E-400"), [1], None])
def test_only_a_number_that_can_be_true_is_added(odd: Any) -> None:
    run = AgentRun()
    run.reply("a", input_tokens=odd, output_tokens=7, cost=odd)
    assert state_of(run)["usage"] == {"replies": 1, "input_tokens": 0, "output_tokens": 7}


def test_an_agent_that_runs_twice_at_once_has_two_labels_and_its_events_belong_by_their_causes() -> None:
    run = AgentRun()
    begun = run.start("planner")
    look = asked("c1", "look", at=1), asked("c2", "look", at=2)
    reply = run.reply("planner", cause=begun, calls=[asked("a", "search"), asked("b", "search")])
    calls = [run.call("planner", asked(id, "search"), cause=reply) for id in ("a", "b")]
    first, second = (run.start("searcher", cause=call) for call in calls)
    replies = [
        run.reply("searcher", cause=cause, calls=[each]) for cause, each in zip((first, second), look, strict=True)
    ]
    assert doings(state_of(run)) == {
        "planner": "waits for search, search",
        "planner/searcher": "calls look",
        "planner/searcher (2)": "calls look",
    }
    looking = run.call("searcher", look[0], cause=replies[0])
    assert doings(state_of(run))["planner/searcher"] == "waits for look"
    assert doings(state_of(run))["planner/searcher (2)"] == "calls look"
    found = run.result("searcher", looking, look[0], "one")
    run.reply("searcher", cause=found, text="Found one.")
    assert doings(state_of(run))["planner/searcher"] == "has replied"
    run.finish("searcher", cause=second)
    assert set(doings(state_of(run))) == {"planner", "planner/searcher"}
    run.call("searcher", look[1])
    assert doings(state_of(run))["planner/searcher"] == "waits for look"
    assert state_of(run)["agents"]["searcher"] == {
        "started": 2, "finished": 1, "failed": 0, "replies": 3, "input_tokens": 300, "output_tokens": 30,
        "cost": Decimal("0.0006"),
    }  # fmt: skip


def test_an_agent_under_one_that_ends_takes_its_place() -> None:
    run = AgentRun()
    outer = run.start("outer")
    inner = run.start("inner", cause=outer)
    run.start("innermost", cause=inner)
    assert set(doings(state_of(run))) == {"outer", "outer/inner", "outer/inner/innermost"}
    assert doings(state_of(run))["outer"] == "waits for inner"
    run.finish("inner")
    assert doings(state_of(run)) == {"outer": "waits for innermost", "outer/innermost": "waits for its model"}


def test_agents_that_call_one_another_without_end_are_drawn_eight_deep() -> None:
    run = AgentRun()
    cause = None
    for n in range(120):
        cause = run.start(f"a{n}", cause=cause)
    state = state_of(run)
    paths = [path for path, _ in walk(state["open_agents"])]
    assert (len(paths), max(map(len, paths)), state["unlisted_agents"]) == (100, 8, 20)
    for n in range(120):
        run.finish(f"a{n}")
    state = state_of(run)
    assert (state["open_agents"], state["unlisted_agents"], state["causes"]["agents"]) == ({}, 0, {})


def test_an_outcome_finds_its_call_by_cause_else_by_call_id_else_by_agent_and_tool() -> None:
    run = AgentRun()
    run.start("a")
    one, two = asked("c1", "look", n=1), asked("c2", "look", n=2)
    run.call("a", one)
    second = run.call("a", two)
    bare = run.say("tool.called", {"name": "look"}, agent="a")
    run.result("a", second, {"id": "other", "name": "look"}, "by cause")
    run.say("tool.returned", {"name": "look", "call_id": "c1", "result": "by call id"}, agent="a")
    run.say("tool.failed", {"name": "look", "error": "by agent and tool"}, agent="a")
    calls = state_of(run)["calls"]
    assert [calls[f"{n} look"].get("result") or calls[f"{n} look"]["error"] for n in (2, 3, bare.position)] == [
        "by call id", "by cause", "by agent and tool",
    ]  # fmt: skip


def test_an_outcome_that_comes_before_its_call_is_not_pending_afterwards() -> None:
    run = order_run()
    events = run.history.events
    events[10], events[13] = events[13], events[10]
    state = state_of(run)
    assert outcomes(state)["14 reserve_van"] == "failed"
    assert state["calls"]["14 reserve_van"]["arguments"] == "order_id=“1004”, van=“V1”"
    assert state["tools"] == state_of(order_run())["tools"]


def test_an_outcome_alone_is_counted_and_says_that_its_call_was_not_seen() -> None:
    run = AgentRun()
    run.say("tool.returned", {"name": "look", "result": "found"}, agent="a")
    state = state_of(run)
    assert state["calls"] == {"1 look": {"outcome": "returned", "result": "found", "by": "a", "start": "not seen"}}
    assert state["tools"] == {"look": {"pending": 0, "returned": 1, "failed": 0, "retried": 0}}


def test_a_call_with_two_outcomes_has_the_later_one() -> None:
    run = AgentRun()
    look = asked("c1", "look")
    call = run.call("a", look)
    run.failure("a", call, look, "no")
    run.result("a", call, look, "yes")
    state = state_of(run)
    assert state["calls"]["1 look"] == {
        "outcome": "returned", "by": "a", "arguments": "", "call_id": "c1", "result": "yes", "took_ms": 30,
    }  # fmt: skip
    assert state["tools"] == {"look": {"pending": 0, "returned": 1, "failed": 0, "retried": 0}}


def test_an_error_that_is_passed_on_keeps_the_place_where_it_arose() -> None:
    run = AgentRun()
    run.say("workflow.started", {"name": "depot"})
    run.start("router")
    weigh = asked("c1", "weigh")
    weighing = run.call("router", weigh)
    run.start("weigher", cause=weighing)
    read = asked("c2", "read_scale")
    run.failure("weigher", run.call("weigher", read), read, "the scale is off")
    for type, data, agent in (
        ("agent.failed", {"name": "weigher"}, "weigher"),
        ("tool.failed", {"name": "weigh", "call_id": "c1"}, "router"),
        ("agent.failed", {"name": "router"}, "router"),
        ("workflow.failed", {"name": "depot"}, None),
    ):
        run.say(type, {**data, "error": "the scale is off"}, agent=agent)
    state = state_of(run)
    assert (state["errors"], state["status"], state["last_error"]["where"]) == (1, "failed", "tool read_scale")
    assert state["last_error"]["passed_on"] == ["agent weigher", "tool weigh", "agent router", "workflow depot"]


def test_the_same_error_of_another_call_is_an_error_of_its_own() -> None:
    run = AgentRun()
    for id in ("c1", "c2"):
        run.failure("a", run.call("a", asked(id, "look")), asked(id, "look"), "timeout")
    state = state_of(run)
    assert (state["errors"], state["last_error"]["position"]) == (2, 4)
    assert state["tools"]["look"] == {"pending": 0, "returned": 0, "failed": 2, "retried": 1}


def test_a_step_that_fails_again_in_the_same_way_is_another_error() -> None:
    run = AgentRun()
    for _ in range(2):
        run.say("step.failed", {"name": "gate", "error": "closed"})
    run.say("workflow.failed", {"name": "depot", "error": "closed"})
    state = state_of(run)
    assert (state["errors"], state["last_error"]["passed_on"]) == (2, ["workflow depot"])


def test_an_event_about_an_agent_may_name_it_in_its_data_alone() -> None:
    run = AgentRun()
    run.say("agent.started", {"name": "router"})
    assert doings(state_of(run)) == {"router": "waits for its model"}
    run.say("agent.finished", {"name": "router"})
    assert state_of(run)["agents"] == {"router": {"started": 1, "finished": 1, "failed": 0}}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("full", "full"),
        ({"type": "VanFull", "message": "full"}, "VanFull: full"),
        ({"type": "VanFull"}, "VanFull"),
        ({"message": "full"}, "full"),
        ({"code": 7}, '{"code":7}'),
        (["full"], '["full"]'),
        (None, "no reason is given"),
    ],
)
def test_an_error_may_have_any_shape(error: Any, text: str) -> None:
    run = AgentRun()
    run.say("step.failed", {"name": "gate", "error": error})
    assert state_of(run)["last_error"] == {
        "error": text, "where": "step gate", "by": None, "call": None, "position": 1,
    }  # fmt: skip


def test_other_work_counts_its_tokens_and_its_failures_and_a_model_without_an_agent_speaks_for_itself() -> None:
    run = AgentRun()
    run.say("embedding.finished", {"model": "e", "input_tokens": 9})
    run.say("guardrail.finished", {"name": "politeness"})
    run.say("guardrail.failed", {"name": "politeness", "error": "rude"})
    run.say("model.replied", {"model": "m", "content": "Hi.", "messages": [{"role": "user", "content": "Hello?"}]})
    state = state_of(run)
    assert (state["usage"], state["models"]["e"]) == (
        {"replies": 1, "input_tokens": 9, "output_tokens": 0}, {"input_tokens": 9},
    )  # fmt: skip
    assert (state["errors"], state["last_error"]["where"]) == (1, "guardrail politeness")
    assert state["messages"] == {"4 m": "Hi."}
    assert state["task"] == "Hello?"  # as nothing before has told it


def test_a_run_that_asks_somebody_waits_until_it_is_answered() -> None:
    run = AgentRun()
    router = run.start("router", cause=run.say("workflow.started", {"name": "depot"}))
    run.start("weigher", cause=router)
    question = run.say("workflow.input_requested", {"question": {"may": "I reserve V1"}}, agent="weigher", cause=router)
    waiting = state_of(run)
    assert (waiting["status"], doings(waiting)["router/weigher"]) == ("waiting", "waits for an answer")
    run.say("workflow.input_received", {"answer": "yes"}, cause=question)
    state = state_of(run)
    assert (state["status"], doings(state)["router/weigher"]) == ("running", "waits for its model")
    assert state["messages"] == {"4 weigher asks": '{"may":"I reserve V1"}', "5 answer": "yes"}


def test_a_run_without_a_workflow_ends_with_its_last_agent() -> None:
    run = AgentRun()
    begun = run.start("dispatcher", task=TASK)
    inner = run.start("weigher", cause=begun)
    run.finish("weigher", cause=inner, output="310 kg")
    assert state_of(run)["status"] == "running"
    run.finish("dispatcher", output="done")
    assert (state_of(run)["status"], state_of(run)["output"]) == ("finished", "done")
    run.start("router")
    assert state_of(run)["status"] == "running"


def test_a_workflow_inside_another_one_does_not_end_the_run() -> None:
    run = AgentRun()
    for name in ("outer", "inner"):
        run.say("workflow.started", {"name": name, "task": f"{name} task"})
    run.start("a")
    run.say("workflow.finished", {"name": "inner", "output": "half"})
    state = state_of(run)
    assert (state["status"], state["task"], state["output"], list(state["open_agents"])) == (
        "running", "outer task", None, ["a"],
    )  # fmt: skip
    run.say("workflow.finished", {"name": "outer", "output": "all"})
    state = state_of(run)
    assert (state["status"], state["output"], state["open_agents"], state["turns"]) == ("finished", "all", {}, 1)
    run.say("workflow.started", {"name": "outer", "task": "next"})
    state = state_of(run)
    assert (state["status"], state["task"], state["output"], state["turns"]) == ("running", "next", None, 2)


def test_an_end_that_comes_before_its_start_has_ended() -> None:
    run = order_run()
    for early, late in ((1, 7), (0, 30)):
        run.history.events[early], run.history.events[late] = run.history.events[late], run.history.events[early]
    state = state_of(run)
    assert (state["status"], state["task"], state["open_agents"]) == ("finished", TASK, {})
    assert state["agents"]["dispatcher"] == state_of(order_run())["agents"]["dispatcher"]


def test_a_run_without_content_still_shows_agents_calls_and_tokens() -> None:
    run = AgentRun()
    run.say("workflow.started", {"name": "depot"})
    begun = run.start("router")
    reply = run.say("model.replied", {"model": "m", "input_tokens": 3}, agent="router", cause=begun)
    call = run.say("tool.called", {"name": "look"}, agent="router", cause=reply)
    run.say("tool.returned", {"name": "look"}, agent="router", cause=call)
    state = state_of(run)
    assert state["messages"] == {"3 router": "(no content)"}
    assert state["calls"] == {"4 look": {"outcome": "returned", "by": "router", "arguments": ""}}
    assert (state["usage"]["input_tokens"], doings(state)) == (3, {"router": "waits for its model"})


def test_a_reply_that_was_cut_off_says_so() -> None:
    run = AgentRun()
    run.reply("a", text="Once upon", finish_reason="length")
    run.reply("a", text="The end.", finish_reason="stop")
    assert list(state_of(run)["messages"].values()) == ["Once upon\n(ended by length)", "The end."]


def test_history_that_the_state_has_already_is_not_repeated() -> None:
    run = order_run()
    history = [
        {"role": "system", "content": "You check."},
        {"role": "user", "content": TASK},
        {"role": "assistant", "content": [{"type": "text", "text": "Ada knows: 14:30, van V2."}]},
        {"role": "tool", "content": "sent notice for 1004"},
        {"role": "user", "content": "Is Ada told?"},
    ]
    run.reply("checker", text="Yes.", messages=history)
    assert list(state_of(run)["messages"].items())[-3:] == [
        ("32 system → checker", "You check."), ("32 user → checker", "Is Ada told?"), ("32 checker", "Yes."),
    ]  # fmt: skip


def test_a_state_stays_small_in_a_long_run() -> None:
    run = AgentRun()
    run.start("a", task="x" * 88_000)
    for n in range(500):
        call = asked(f"c{n}", f"tool{n % 70}", text="y" * 5_000)
        reply = run.reply("a", text="z" * 88_000, calls=[call], model=f"m{n % 30}")
        run.result("a", run.call("a", call, cause=reply), call, {"text": "w" * 5_000})
    for n in range(300):
        run.call(f"agent {n}", asked(f"p{n}", "slow"))
    state: Any = agent_run.initial
    for event in run.history.events:
        state = agent_run.reduce(state, decode(event))
        assert len(state["calls"]) <= 131
    assert len(dumps(state)) < 120_000
    assert (len(state["calls"]), len(state["messages"]), len(state["causes"]["calls"])) == (130, 20, 130)
    assert (len(state["tools"]), len(state["models"]), state["usage"]["replies"]) == (51, 21, 500)
    assert state["tools"]["(others)"]["pending"] == 100
    assert state["tools"]["(others)"]["unlisted"] == 200


def test_the_outcome_of_a_call_that_was_pending_for_long_is_found() -> None:
    run = AgentRun()
    outer = asked("outer", "delegate")
    call = run.call("a", outer)
    for n in range(200):
        run.result("b", run.call("b", asked(f"c{n}", "look")), asked(f"c{n}", "look"), n)
    run.result("a", call, outer, "done")
    state = state_of(run)
    assert (state["calls"]["1 delegate"]["result"], state["tools"]["delegate"]["pending"]) == ("done", 0)


ORDER_RUN = [(event.type, decode(event).data, event.agent, event.causation_id) for event in order_run().history.events]


@st.composite
def disturbed_runs(draw: st.DrawFn) -> History:
    """The events of a run in any order, some left out, some twice, with members that are missing or odd."""
    history = History()
    for type, data, agent, cause in draw(st.lists(st.sampled_from(ORDER_RUN), max_size=40)):
        odd = draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
        kept = {
            name: value
            for name, value in data.items()
            if name not in draw(st.sets(st.sampled_from(FIELDS), max_size=3))
        }
        history.say(
            type,
            draw(st.sampled_from([{**kept, **odd}, kept, draw(VALUES)])),
            agent=draw(st.sampled_from([agent, None, "router"])),
            id=f"run-4bf92f3577b34da6:{len(history.events) + 1:016x}",
            causation_id=draw(st.sampled_from([cause, None, "gone"])),
        )
    return history


@given(disturbed_runs())
def test_it_folds_as_a_projection_must_whatever_comes(history: History) -> None:
    state: Any = assert_pure(agent_run, history.events)
    assert all(number >= 0 for counts in state["tools"].values() for number in counts.values())
    pending = sum(counts["pending"] for counts in state["tools"].values())
    assert pending == sum(call["outcome"] == "pending" for call in state["calls"].values())
    labels = [path[-1] for path, _ in walk(state["open_agents"])]
    assert len(labels) == len(set(labels))
    assert set(state["causes"]["agents"].values()) <= set(labels)
    assert len(dumps(state)) < MOST_CHARACTERS


def test_any_order_of_a_whole_run_ends_with_the_same_sums() -> None:
    whole = state_of(order_run())
    for seed in range(50):
        history = order_run().history
        random.Random(seed).shuffle(history.events)
        state = history.folded(agent_run)
        assert (state["usage"], state["models"]) == (whole["usage"], whole["models"])
        assert {name: each["started"] for name, each in state["agents"].items()} == dict.fromkeys(state["agents"], 1)
        assert sum(counts["pending"] for counts in state["tools"].values()) == 0
