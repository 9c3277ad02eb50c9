"""State machines from a table: what has begun, what is unfinished, what came out of order."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog.lifecycle import lifecycle
from projections.catalog.machine import machine
from projections.catalog.moves import Move
from projections.catalog.words import is_failure
from projections.definition.projection import decode
from projections.testing import assert_pure
from tests.support.agent_runs import STREAM, AgentRun, asked, order_run
from tests.support.histories import History

payments = machine(
    "payments",
    about="",
    moves={
        "PaymentInitiated": Move("Pending", ("Idle",)),
        "MoneyArrived": Move("Paid", ("Pending",)),
        "PaymentRefused": Move("Refused", ("Pending",)),
    },
    final=("Paid", "Refused"),
)


def state_after(*types: str) -> Any:
    """The state after events of these types in one stream."""
    history = History()
    for type in types:
        history.say(type, stream="payment-1", agent="a")
    return history.folded(lifecycle)


@pytest.mark.parametrize(
    ("types", "state"),
    [
        ([], "Idle"),
        (["Noted"], "Idle"),
        (["payment.initiated"], "Processing"),
        (["PaymentInitiated", "PaymentTimedOut"], "Failed"),
        (["payment_started", "payment_awaiting_input"], "AwaitingInput"),
        (["Payment Started", "PaymentInputRequested", "PaymentInputReceived"], "Processing"),
        (["payment.initiated", "payment.failed", "payment.retried", "payment.captured"], "Completed"),
        (["HTTPRequested", "HTTPReturned"], "Completed"),
    ],
)
def test_common_words_move_it_however_they_are_written(types: list[str], state: str) -> None:
    after = state_after(*types)
    assert (after["state"], after["illegal"]) == (state, 0)


def test_unfinished_work_is_listed() -> None:
    history = History()
    history.say("PaymentInitiated", stream="payment-1", agent="a")
    history.say("PaymentInitiated", stream="payment-2", agent="a")
    history.say("PaymentCaptured", stream="payment-1", agent="b")
    state = history.folded(lifecycle)
    assert list(state["unfinished"]) == ["payment-2"]
    assert state["unfinished"]["payment-2"]["started"]["2"]["type"] == "PaymentInitiated"
    assert state["finished"] == {"payment-1": "Completed"}
    assert state["agents"] == {"b": "Completed", "a": "Processing"}


def test_an_outcome_ends_what_caused_it() -> None:
    history = History()
    history.say("tool.called", agent="a")
    history.say("tool.called", agent="a")
    history.say("tool.returned", causation_id="2")
    state = history.folded(lifecycle)
    assert list(state["unfinished"]["s tool"]["started"]) == ["1"]
    assert state["state"] == "Processing"


def test_an_outcome_without_a_known_cause_ends_what_was_started_first() -> None:
    history = History()
    for type in ("tool.called", "tool.called", "tool.returned"):
        history.say(type)
    assert list(history.folded(lifecycle)["unfinished"]["s tool"]["started"]) == ["2"]


@pytest.mark.parametrize(
    ("types", "was", "to"),
    [
        (["payment.initiated", "payment.captured", "payment.captured"], "Completed", "Completed"),
        (["payment.initiated", "payment.captured", "payment.failed"], "Completed", "Failed"),
        (["payment.initiated", "payment.failed", "payment.captured"], "Failed", "Completed"),
    ],
)
def test_an_illegal_transition_is_reported_and_followed(types: list[str], was: str, to: str) -> None:
    state = state_after(*types)
    [transition] = state["illegal_transitions"]
    assert (transition["work"], transition["type"], transition["from"], transition["to"]) == (
        "payment-1",
        types[-1],
        was,
        to,
    )
    assert state["state"] == to


@pytest.mark.parametrize(
    "types",
    [
        ["PaymentInitiated", "ConfirmPayment"],
        ["PaymentInitiated", "PaymentConfirmed"],
        ["InitiatePayment", "PaymentConfirmed"],
        ["OrderAssigned", "OrderProcessed"],
        ["OrderAssigned", "OrderRetried", "OrderProcessed"],
        ["OrderAssigned", "OrderFailed", "OrderRetried", "OrderProcessed"],
        ["AgentTaskAssigned", "AgentTaskCompleted"],
        ["agent_task.assigned", "agent_task.started", "agent_task.completed"],
        ["payment.requested", "payment.initiated", "payment.captured"],
        ["order.placed", "order.assigned", "order.processed"],
        ["order.placed", "order.confirmed", "order.shipped", "order.delivered"],
        ["issue.opened", "issue.closed", "issue.reopened", "issue.closed"],
        ["ToolCalled", "ToolResultReceived"],
        ["llm.requested", "llm.responded"],
        ["job.queued", "job.started", "job.completed", "job.approved"],
    ],
)
def test_an_ordinary_course_of_things_ends_and_nobody_is_accused(types: list[str]) -> None:
    after = state_after(*types)
    assert (after["state"], after["unfinished"], after["illegal"]) == ("Completed", {}, 0)
    assert after["agents"] == {"a": "Completed"}


@pytest.mark.parametrize(
    ("types", "state"),
    [
        (["payment.captured"], "Completed"),
        (["payment.captured", "payment.captured"], "Completed"),
        (["payment.failed", "payment.captured"], "Completed"),
        (["payment.captured", "payment.failed"], "Failed"),
        (["payment.resumed"], "Processing"),
        (["payment.resumed", "payment.captured", "payment.captured"], "Completed"),
        (["payment.approved", "payment.refused"], "Failed"),
    ],
)
def test_nobody_is_accused_where_no_known_word_began_the_work(types: list[str], state: str) -> None:
    after = state_after(*types)
    assert (after["state"], after["illegal"], after["unfinished"], after["finished"]) == (state, 0, {}, {})


def test_a_start_by_the_same_word_wants_an_outcome_of_its_own() -> None:
    after = state_after("payment.requested", "payment.initiated", "payment.initiated", "payment.captured")
    assert [start["type"] for start in after["unfinished"]["payment-1"]["started"].values()] == ["payment.initiated"]


def test_an_agent_that_has_stopped_is_not_at_work_whatever_it_left_unfinished() -> None:
    history = History()
    history.say("agent.started", stream="agent-router", agent="router")
    history.say("assignment.opened", stream="assignment-1", agent="router")
    history.say("agent.stopped", stream="agent-router", agent="router")
    state = history.folded(lifecycle)
    assert (state["agents"], list(state["unfinished"])) == ({"router": "Completed"}, ["assignment-1"])


def test_an_agent_that_reports_a_crash_has_not_crashed() -> None:
    history = History()
    history.say("payment.initiated", stream="payment-1", agent="notifier")
    history.say("job.started", stream="job-1", agent="supervisor")
    history.say("agent.crashed", stream="agent-notifier", agent="supervisor")
    history.say("agent.crashed", stream="agent-notifier", agent="watchdog")
    assert history.folded(lifecycle)["agents"] == {"supervisor": "Processing", "notifier": "Failed"}
    history.say("agent.resumed", stream="agent-notifier", agent="notifier")
    assert history.folded(lifecycle)["agents"]["notifier"] == "Processing"


def test_a_failure_is_told_by_the_same_words() -> None:
    failures = ["tool.failed", "ToolTimedOut", "CancelOrder", "request_denied", "observation.error"]
    others = ["tool.returned", "Order", "cancel", "FailSafeEngaged"]
    assert [type for type in (*failures, *others) if is_failure(type)] == failures


def test_a_machine_of_ones_own_follows_its_own_table() -> None:
    history = History()
    history.say("PaymentInitiated", stream="payment-1")
    history.say("PaymentInitiated", stream="payment-2")
    history.say("MoneyArrived", stream="payment-1")
    history.say("PaymentInitiated", stream="payment-1")
    state = history.folded(payments)
    assert state["finished"] == {}
    assert {work: each["state"] for work, each in state["unfinished"].items()} == {
        "payment-2": "Pending",
        "payment-1": "Pending",
    }
    [transition] = state["illegal_transitions"]
    assert (transition["from"], transition["allowed_from"]) == ("Paid", ["Idle"])


def state_after_messages(*types: str) -> Any:
    """The state after messages in one run; each type begins with the name of its agent."""
    history = History()
    for type in types:
        history.say(type, stream="run-1", agent=type.partition(".")[0])
    return history.folded(lifecycle)


@pytest.mark.parametrize(
    ("types", "state"),
    [
        (["user.message"], "Processing"),
        (["user.message", "assistant.message"], "AwaitingInput"),
        (["user.message", "assistant.message", "user.message"], "Processing"),
        (["user.message", "tool.called", "tool.returned"], "Processing"),
        (["agent.message", "run.terminated"], "Completed"),
        (["action.message", "run.failed"], "Failed"),
    ],
)
def test_a_run_of_agents_is_under_way_until_it_is_over(types: list[str], state: str) -> None:
    after = state_after_messages(*types)
    assert (after["state"], after["illegal"]) == (state, 0)
    assert ("run-1" in after["unfinished"]) is (state in ("Processing", "AwaitingInput"))


def test_a_run_that_is_over_and_then_judged_has_ended_once() -> None:
    over = state_after_messages("user.message", "agent.message", "run.terminated")
    assert state_after_messages("user.message", "agent.message", "run.terminated", "run.annotated") == over
    assert over["ended"] == {"Completed": 1}


def test_an_assistant_that_has_answered_waits_for_nothing() -> None:
    after = state_after_messages("user.message", "assistant.message")
    assert (after["state"], after["agents"]["assistant"]) == ("AwaitingInput", "Idle")
    assert (
        state_after_messages("user.message", "assistant.message", "tool.called", "run.finished")["agents"]["assistant"]
        == "Idle"
    )
    assert (
        state_after_messages("user.message", "assistant.message", "run.finished")["agents"]["assistant"] == "Completed"
    )


def test_an_answer_after_the_end_of_a_run_begins_nothing() -> None:
    over = state_after_messages("user.message", "run.finished")
    assert state_after_messages("user.message", "run.finished", "assistant.message") == over
    assert state_after_messages("user.message", "run.finished", "user.message")["state"] == "Processing"


def test_no_agent_is_at_work_where_nothing_is_unfinished() -> None:
    assert set(state_after_messages("user.message", "agent.message")["agents"].values()) == {"Processing"}
    assert set(state_after_messages("user.message", "agent.message", "run.scored")["agents"].values()) == {"Completed"}


def lifecycles(history: History) -> list[Any]:
    """The state after each event."""
    states: list[Any] = [lifecycle.initial]
    for event in history.events:
        states.append(lifecycle.reduce(states[-1], decode(event)))
    return states[1:]


def test_in_a_run_of_agents_everybody_is_at_work_from_the_own_start_to_the_own_end() -> None:
    run = order_run()
    states = lifecycles(run.history)
    spans = {
        agent: [event.position for event in run.history.events if event.agent == agent]
        for agent in ("dispatcher", "router", "weigher", "notifier")
    }
    for position, state in enumerate(states, 1):
        assert state["state"] == ("Completed" if position == len(states) else "Processing")
        for agent, positions in spans.items():
            is_started, is_over = position >= positions[0], position >= positions[-1]
            assert state["agents"].get(agent) == ("Completed" if is_over else "Processing" if is_started else None)
    assert (states[-1]["unfinished"], states[-1]["illegal"]) == ({}, 0)
    assert states[-1]["ended"] == {"Completed": 9, "Failed": 1}


def test_an_end_in_a_run_is_the_end_of_its_own_agent() -> None:
    run = AgentRun()
    run.start("outer")
    inner = run.start("inner")
    twin = run.start("inner")
    run.finish("inner", cause=twin)
    state = run.history.folded(lifecycle)
    assert [start["agent"] for start in state["unfinished"][f"{STREAM} agent"]["started"].values()] == [
        "outer",
        "inner",
    ]
    assert state["agents"] == {"outer": "Processing", "inner": "Processing"}
    run.finish("inner")
    run.finish("stranger")
    state = run.history.folded(lifecycle)
    assert state["agents"] == {"outer": "Processing", "inner": "Completed", "stranger": "Completed"}
    assert inner.id not in state["unfinished"][f"{STREAM} agent"]["started"]


def test_parallel_calls_of_a_run_end_one_by_one_and_nobody_waits_for_a_user() -> None:
    run = AgentRun()
    run.say("workflow.started", {})
    run.start("a")
    calls = [run.call("a", asked(f"c{n}", "look")) for n in range(3)]
    run.failure("a", calls[1], asked("c1", "look"), "no")
    state = run.history.folded(lifecycle)
    assert list(state["unfinished"][f"{STREAM} tool"]["started"]) == [calls[0].id, calls[2].id]
    assert (state["agents"]["a"], state["state"]) == ("Processing", "Processing")
    run.reply("a", text="What do you want?")
    assert run.history.folded(lifecycle)["agents"]["a"] == "Processing"


@pytest.mark.parametrize(
    "types",
    [
        ["tool.failed", "tool.failed", "tool.returned", "tool.returned", "tool.failed"],
        ["agent.finished", "agent.finished", "agent.failed", "agent.finished"],
        ["model.failed", "model.failed", "model.replied", "model.failed"],
        ["step.failed", "step.failed"],
        ["workflow.finished", "workflow.finished", "workflow.failed"],
    ],
)
def test_nothing_of_a_run_is_out_of_order_though_starts_are_missing(types: list[str]) -> None:
    for begun in ([], ["workflow.started"], [types[0].partition(".")[0] + ".started"], ["tool.called"]):
        history = History()
        for type in [*begun, *types]:
            history.say(type, stream="run-1", agent="a")
        state = history.folded(lifecycle)
        assert (state["illegal"], state["illegal_transitions"]) == (0, [])
        assert set(state["unfinished"]) <= {"run-1 workflow", "run-1 tool", "run-1 model", "run-1 step"}


def test_the_end_of_a_workflow_ends_its_agents_but_no_call_without_an_outcome() -> None:
    run = AgentRun()
    run.say("user.message", {"content": "Go."}, agent="human")
    run.say("workflow.started", {"name": "outer"})
    run.say("workflow.started", {"name": "inner"})
    run.start("a")
    call = run.call("a", asked("c", "look"))
    run.say("workflow.finished", {"name": "inner"})
    assert list(run.history.folded(lifecycle)["unfinished"]) == [
        STREAM, f"{STREAM} agent", f"{STREAM} tool", f"{STREAM} workflow",
    ]  # fmt: skip
    run.say("workflow.failed", {"name": "outer", "error": "no"})
    state = run.history.folded(lifecycle)
    assert {work: list(each["started"]) for work, each in state["unfinished"].items()} == {f"{STREAM} tool": [call.id]}
    assert (state["state"], state["agents"]) == ("Failed", {"human": "Failed", "a": "Failed"})
    before = state
    run.reply("a", text="late")
    run.say("task.delegated", {"target": "b"}, agent="a")
    assert run.history.folded(lifecycle) == before


def test_the_end_of_a_workflow_in_the_stream_of_an_order_leaves_the_order_alone() -> None:
    history = History()
    for type in ("order.placed", "workflow.started", "workflow.finished"):
        history.say(type, stream="order-1", agent="a")
    state = history.folded(lifecycle)
    assert (list(state["unfinished"]), state["state"]) == (["order-1"], "Processing")


def test_a_hand_off_in_a_run_begins_nothing_and_elsewhere_it_does() -> None:
    run = AgentRun()
    begun = run.start("a")
    run.say("task.delegated", {"target": "b"}, agent="a", cause=begun)
    run.finish("a")
    run.say("task.delegated", {"target": "c"}, agent="b")
    assert run.history.folded(lifecycle)["unfinished"] == {}
    alone = AgentRun()
    alone.say("task.delegated", {"target": "b"}, agent="a")
    assert list(alone.history.folded(lifecycle)["unfinished"]) == [STREAM]


@pytest.mark.parametrize("stem", ["retrieval", "span", "model"])
def test_work_that_a_trace_tells_at_its_end_still_ends_what_something_has_started(stem: str) -> None:
    end = {"retrieval": "finished", "span": "ended", "model": "replied"}[stem]
    trace, other = AgentRun(), History()
    trace.start("a")
    trace.say(f"{stem}.{end}", {}, agent="a")
    trace.say(f"{stem}.failed", {}, agent="a")
    assert (trace.history.folded(lifecycle)["agents"], trace.history.folded(lifecycle)["illegal"]) == (
        {"a": "Processing"},
        0,
    )
    for type in (f"{stem}.started", f"{stem}.{end}"):
        other.say(type, stream="job-1", agent="a")
    assert (other.folded(lifecycle)["unfinished"], other.folded(lifecycle)["state"]) == ({}, "Completed")


def test_an_agent_whose_stream_tells_of_its_process_ends_by_the_words() -> None:
    history = History()
    for type in ("agent.started", "agent.failed", "agent.failed"):
        history.say(type, stream="agent-router", agent="router")
    state = history.folded(lifecycle)
    assert (state["agents"], state["illegal"]) == ({"router": "Failed"}, 1)


def test_the_state_stays_bounded() -> None:
    history = History()
    for n in range(1_000):
        history.say("job.started", stream=f"job-{n}", agent=f"agent {n}")
    for n in range(600, 900):
        history.say("job.done", stream=f"job-{n}")
        history.say("job.done", stream=f"job-{n}")
    state = history.folded(lifecycle)
    assert [len(state[name]) for name in ("unfinished", "finished", "illegal_transitions", "agents")] == [
        200,
        100,
        100,
        100,
    ]
    assert (state["ended"], state["illegal"]) == ({"Completed": 600}, 300)


@given(st.randoms(use_true_random=False))
def test_it_folds_as_a_projection_must_and_nothing_open_is_missed(random: Random) -> None:
    history = History()
    open_: dict[str, list[str]] = {}
    for _ in range(random.randint(0, 40)):
        stream = random.choice(["job-1", "job-2"])
        if random.random() < 0.5:
            started = history.say("job.started", stream=stream, agent=random.choice(["a", "b", None]))
            open_.setdefault(stream, []).append(started.id)
        else:
            ids = open_.get(stream, [])
            cause = random.choice(ids) if ids and random.random() < 0.5 else None
            history.say(random.choice(["job.done", "job.failed"]), stream=stream, causation_id=cause)
            if ids:
                ids.remove(cause or ids[0])
    state: Any = assert_pure(lifecycle, history.events)
    assert {work: list(each["started"]) for work, each in state["unfinished"].items()} == {
        stream: ids for stream, ids in open_.items() if ids
    }


RUN_TYPES = [
    *(f"{stem}.{word}" for stem in ("workflow", "agent") for word in ("started", "finished", "failed")),
    "model.replied", "model.failed", "tool.called", "tool.returned", "tool.failed", "task.delegated", "step.failed",
    "span.ended", "retrieval.failed",
]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(RUN_TYPES),
            st.sampled_from(["a", "b", None]),
            st.sampled_from([None, "1", "2", "5", "gone"]),
        ),
        max_size=30,
    )
)
def test_a_run_in_any_order_folds_as_it_must_and_accuses_nobody(said: list[tuple[str, str | None, str | None]]) -> None:
    history = History()
    for type, agent, cause in said:
        history.say(type, stream="run-1", agent=agent, causation_id=cause, correlation_id="w")
    state: Any = assert_pure(lifecycle, history.events)
    assert state["illegal"] == 0
    assert all(work["started"] for work in state["unfinished"].values())
