"""Agent runs, for a person who debugs them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types import Event
from projections.catalog.run import run
from projections.testing import assert_pure
from projections.values.change import Json
from projections.values.diff import diff
from tests.support.agent_runs import FULL, TASK, AgentRun, asked, order_run
from tests.support.histories import History, by_key, folded, imported_events
from tests.support.json_values import VALUES

TYPES = [type.replace("*", "x") for type in run.handlers]
NAMES = st.sampled_from(
    [
        "content", "name", "arguments", "ledger", "target", "args", "expected_actions", "exit_code", "error",
        "question", "task", "output", "duration_ms", "messages", "tool_calls", "cost", "model", "result", "call_id",
        "instruction",
    ]
)  # fmt: skip


def say(history: History, agent: str, text: str, type: str = "agent.message", **data: Any) -> Event:
    return history.say(type, {"content": text, **data}, agent=agent)


def history_of_question(question: str) -> History:
    history = History()
    say(history, "human", question, "user.message")
    return history


def test_the_phase_follows_the_run() -> None:
    history = History()
    phases = []
    satisfied = {"is_request_satisfied": {"answer": True, "reason": "!"}}
    messages: list[tuple[str, str, str, dict[str, Any]]] = [
        ("human", "How many?", "user.message", {}),
        ("Orchestrator", "Initial plan: count", "orchestrator.thought", {}),
        ("Orchestrator", "Count.", "task.delegated", {"target": "Assistant"}),
        ("Orchestrator", "Stalled.... Replanning...", "orchestrator.thought", {}),
        ("Orchestrator", "Again.", "task.delegated", {"target": "Assistant"}),
        (
            "Orchestrator",
            "",
            "orchestrator.thought",
            {"ledger": satisfied},
        ),
        ("Orchestrator", "FINAL ANSWER: 5\nRUN.SH COMPLETE", "agent.message", {}),
        ("Orchestrator", "", "run.terminated", {}),
    ]
    for agent, text, type, more in messages:
        say(history, agent, text, type, **more)
        phases.append(history.folded(run)["phase"])
    assert phases == ["asked", "planning", "working", "replanning", "working", "satisfied", "answered", "finished"]
    state = history.folded(run)
    assert (state["question"], state["replans"], state["answer"]["text"]) == ("How many?", 1, "5")
    assert (state["task"]["who"], state["task"]["instruction"]) == ("Assistant", "Again.")
    assert (state["ledger"], state["ledger_reasons"]) == ({"is_request_satisfied": True}, {"is_request_satisfied": "!"})


def test_a_claim_is_held_against_the_list_that_it_repeats() -> None:
    history = history_of_question("Which are the top 5?")
    rows = "\n".join(f"{n} | {name} | {n}" for n, name in enumerate(["one", "two", "three", "four", "five", "six"], 1))
    say(history, "WebSurfer", f"I clicked 'Films'.\n{rows}")
    say(history, "Assistant", "The top 5:\n1. One\n2. Two\n3. Three\n4. Four\n5. Six")
    state = history.folded(run)
    assert list(state["lists"]) == ["Films"]
    assert state["lists"]["Films"]["items"]["5"] == "Six"
    claim = state["claims"]["Films"]
    assert (claim["missing"], claim["extra"]) == (["five"], [{"item": "Six", "stands_at": 6}])
    say(history, "Assistant", "The top 4:\n1. One\n2. Two\n3. Three\n4. Four")
    assert history.folded(run)["claims"]["Films"]["agrees"] is True


def test_a_message_that_repeats_a_list_has_not_changed_it() -> None:
    history = history_of_question("Which?")
    say(history, "a", "Films:\n1. One\n2. Two")
    before = history.folded(run)
    say(history, "b", "Again:\n1. One\n2. Two")
    after = history.folded(run)
    assert after["lists"] == before["lists"]
    assert after["claims"]["Films"]["agrees"] is True


def test_the_common_part_of_two_lists_is_worked_out() -> None:
    history = history_of_question("Which are in both?")
    say(history, "WebSurfer", "A:\n1. Anna\n2. Bert\n3. Carl\n4. Dora")
    say(history, "WebSurfer", "B:\n1. Emil\n2. Carl\n3. Anna\n4. Fred")
    say(history, "Assistant", "In both:\n1. Anna\n2. Bert")
    claim = history.folded(run)["claims"]["In both"]
    assert (claim["due"], claim["missing"], claim["extra"]) == (2, ["Carl"], [{"item": "Bert", "stands_at": None}])


def test_calls_of_tools_have_their_outcome_and_are_held_against_what_was_expected() -> None:
    history = history_of_question("Cancel it.")
    call = history.say("tool.called", {"name": "look", "arguments": {"id": 1}}, agent="a")
    history.say("tool.called", {"name": "cancel", "arguments": {"id": 2}}, agent="a")
    say(history, "look", "found", "tool.returned")
    history.say("tool.returned", {"content": "Error: no", "error": "no"}, agent="look", causation_id=call.id)
    history.say("run.scored", {"reward": 0, "expected_actions": [{"name": "cancel", "kwargs": {"id": 1}}]})
    state = history.folded(run)
    assert [(each["tool"], each["outcome"], each.get("failed")) for each in state["calls"]] == [
        ("look", "Error: no", True),
        ("cancel", None, None),
    ]
    assert state["verdict"]["not_called"] == [{"tool": "cancel", "arguments": {"id": 1}}]
    assert state["verdict"]["called_beyond"][1] == {"tool": "cancel", "arguments": {"id": 2}}
    assert (state["failed_calls"], state["phase"]) == (1, "finished")


@pytest.mark.parametrize("type", ["tool.failed", "tool.errored", "tool.timed_out"])
def test_a_tool_that_fails_by_the_type_of_its_event_has_failed(type: str) -> None:
    history = history_of_question("Cancel it.")
    call = history.say("tool.called", {"name": "cancel"}, agent="a")
    history.say(type, {"message": "no such order"}, agent="cancel", causation_id=call.id)
    state = history.folded(run)
    [cancel] = state["calls"]
    assert (cancel["outcome"], cancel["failed"], state["failed_calls"]) == ("no such order", True, 1)


def test_a_run_that_comes_as_a_trace_fills_the_fields() -> None:
    state = order_run().history.folded(run)
    assert (state["workflow"], state["question"], state["phase"], state["duration_ms"]) == (
        "depot", TASK, "finished", 2_470,
    )  # fmt: skip
    assert (state["answer"]["text"], state["answer"]["position"]) == ("Ada knows: 14:30, van V2.", 31)
    assert state["usage"] == {
        "replies": 8, "input_tokens": 2_383, "output_tokens": 123, "cost": Decimal("0.0016"), "model_errors": 1,
    }  # fmt: skip
    assert [(call["tool"], call["outcome"], call["failed"]) for call in state["calls"][1:4]] == [
        ("reserve_van", f"VanFull: {FULL}", True),
        ("weigh", "Order 1004 weighs 310 kg.", False),
        ("reserve_van", '{"van":"V2","slot":"14:30"}', False),
    ]
    assert (state["failed_calls"], state["errors"]) == (1, 2)
    assert state["last_error"] == {
        "text": "500 Internal Server Error", "type": "model.failed", "name": "gpt-4o-mini", "by": "notifier",
        "position": 25,
    }  # fmt: skip
    assert (state["task"]["who"], state["task"]["asked_by"]) == ("notifier", "router")
    assert state["messages"] == {"dispatcher": 2, "router": 3, "weigher": 1, "notifier": 2}


def test_a_trace_that_fails_says_so() -> None:
    trace = AgentRun()
    trace.start("a", task=TASK)
    trace.say("agent.failed", {"name": "a", "error": {"type": "Boom"}}, agent="a")
    state = trace.history.folded(run)
    assert (state["question"], state["task"]["who"], state["phase"], state["errors"]) == (TASK, "a", "working", 1)
    trace.say("workflow.failed", {"error": "Boom", "duration_ms": 5})
    state = trace.history.folded(run)
    assert (state["phase"], state["duration_ms"], state["last_error"]["type"]) == ("failed", 5, "workflow.failed")


def test_without_a_workflow_the_question_is_the_users_and_the_last_agent_answers() -> None:
    trace = AgentRun()
    history = [{"role": "system", "content": "You help."}, {"role": "user", "content": [{"text": "How many?"}]}]
    trace.reply("a", text="", calls=[asked("c", "count")], messages=history)
    trace.finish("a", output="Five.")
    state = trace.history.folded(run)
    assert (state["question"], state["answer"]["text"], state["answer"]["by"]) == ("How many?", "Five.", "a")
    assert state["phase"] == "answered"


def test_a_call_that_is_no_cause_is_found_by_its_id_and_large_arguments_are_shortened() -> None:
    trace = AgentRun()
    trace.call("a", asked("c1", "write", text="x" * 5_000))
    trace.call("a", asked("c2", "look", n=1))
    trace.say("tool.returned", {"name": "write", "call_id": "c1", "result": {"ok": True}}, agent="a")
    write, look = trace.history.folded(run)["calls"]
    assert (write["outcome"], look["outcome"], look["arguments"]) == ('{"ok":true}', None, {"n": 1})
    assert len(write["arguments"]) < 2_100


@given(st.lists(st.tuples(st.sampled_from(TYPES), VALUES | st.dictionaries(NAMES, VALUES)), max_size=6))
def test_it_folds_as_a_projection_must_whatever_comes(said: list[tuple[str, Json]]) -> None:
    history = History()
    for type, data in said:
        history.say(type, data, agent="a", causation_id="1")
    assert_pure(run, history.events)


@pytest.fixture(scope="module")
def hand_crafted(shared_data: Path) -> list[Event]:
    return imported_events(shared_data, "who-and-when", "who-and-when/Hand-Crafted")


def test_the_swapped_film_shows_at_the_step_that_swapped_it(hand_crafted: list[Event]) -> None:
    events = [event for event in hand_crafted if event.stream == "whowhen-hc-12"]
    before, after = folded(run, events[:16]), folded(run, events[:17])
    changed = {change.path: change for change in diff(before, after) if change.path.startswith("/lists")}
    demon_slayer = "Demon Slayer: Kimetsu no Yaiba - The Movie: Mugen Train"
    swapped = changed["/lists/Domestic/items/10"]
    assert (swapped.old, swapped.value) == (demon_slayer, "Wonder Woman 1984")
    assert list(changed)[-1] == "/lists/Common Movies"
    claims = after["claims"]
    assert (before["disagreements"], after["disagreements"]) == (0, 2)
    assert (claims["Domestic"]["missing"], claims["Domestic"]["extra"]) == (
        [demon_slayer],
        [{"item": "Wonder Woman 1984", "stands_at": 11}],
    )
    assert (claims["Common Movies"]["claimed"], claims["Common Movies"]["due"]) == (5, 6)


def test_every_real_run_has_a_question_an_answer_and_a_verdict(hand_crafted: list[Event]) -> None:
    states = by_key(run, hand_crafted)
    assert len(states) == 35
    assert all(state["question"] and state["ledger"] and state["verdict"]["mistake_agent"] for state in states.values())
    assert sum(state["answer"] is not None for state in states.values()) == 34
    assert states["whowhen-hc-9"]["replans"] == 3


def test_a_wrong_cancellation_stands_beside_what_was_expected(shared_data: Path) -> None:
    state = by_key(run, imported_events(shared_data, "tau-bench", "tau-bench"))["tau-airline-47-2"]
    cancelled = {"tool": "cancel_reservation", "arguments": {"reservation_id": "S5IK51"}}
    assert cancelled in state["verdict"]["called_beyond"]
    assert state["verdict"]["not_called"] == [
        {"tool": "get_reservation_details", "arguments": {"reservation_id": "MZDDS4"}}
    ]


def test_a_coding_agents_actions_have_their_outcomes(shared_data: Path) -> None:
    states = by_key(run, imported_events(shared_data, "openhands", "openhands"))
    long = states["openhands-ponylang__ponyc-4588"]
    assert (long["phase"], long["failed_calls"], len(long["calls"])) == ("failed", 25, 49)
    assert "maximum iteration" in long["verdict"]["error"]
    assert all(call["outcome"] is not None for call in long["calls"][:-1])
