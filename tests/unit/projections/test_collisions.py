"""Lost updates: found if the log proves them, and never if it does not."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types import Event
from projections.catalog.collisions import collisions
from projections.testing import assert_pure
from tests.support.histories import History, by_key


def verdicts_of(history: History, *, stream: str = "s") -> list[tuple[str, str, int, int]]:
    """The findings in a stream: verdict, key, and the positions of both events."""
    state = history.folded(collisions, stream=stream)
    findings = state["lost_updates"] + state["possible_ones"]
    return [
        (each["verdict"], each["key"], each["overwritten"]["position"], each["by"]["position"]) for each in findings
    ]


def test_an_event_after_the_read_position_was_not_seen() -> None:
    history = History()
    history.say("Set", {"stops": [1]}, agent="router")
    history.say("Set", {"stops": [1, 2], "load": 3}, agent="router", read_position=1)
    history.say("Set", {"stops": []}, agent="optimizer", read_position=1)
    assert verdicts_of(history) == [("lost update", "stops", 2, 3)]
    [lost] = history.folded(collisions)["lost_updates"]
    assert lost["overwritten"] == {"position": 2, "version": 2, "event": "2", "agent": "router", "value": [1, 2]}
    assert lost["by"] == {"position": 3, "version": 3, "event": "3", "agent": "optimizer", "value": []}


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param({"read_position": 2}, id="it had read up to there"),
        pytest.param({"expected_version": 2}, id="it expected that version"),
        pytest.param({"causation_id": "2"}, id="it reacted to it"),
        pytest.param({"causation_id": "2", "read_position": 1}, id="it reacted to it, and read before"),
        pytest.param({"agent": "a"}, id="it is its own"),
        pytest.param({"data": {"k": 2}}, id="it says the same"),
        pytest.param({"data": {"other": 1}}, id="it says something else"),
    ],
)
def test_an_event_that_was_seen_or_not_overwritten_is_no_collision(evidence: dict[str, Any]) -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="b")
    history.say("Set", {"k": 2}, agent="a", expected_version=1)
    history.say("Set", **{"data": {"k": 3}, "agent": "b", **evidence})
    assert verdicts_of(history) == []


def test_a_message_of_a_conversation_overwrites_nothing_and_is_not_overwritten() -> None:
    history = History()
    history.say("agent.message", {"role": "assistant", "content": "one"}, agent="a")
    history.say("agent.message", {"role": "assistant", "content": "another"}, agent="b")
    history.say("Set", {"content": "a page"}, agent="c", read_position=0)
    assert verdicts_of(history) == []
    history.say("Set", {"content": "another page"}, agent="d")
    assert verdicts_of(history) == [("possible", "content", 3, 4)]


@pytest.mark.parametrize(
    "evidence", [{}, {"expected_version": -1}, {"causation_id": "1"}, {"causation_id": "elsewhere"}]
)
def test_without_a_read_position_it_is_possible_and_never_more(evidence: dict[str, Any]) -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="b")
    history.say("Set", {"k": 2}, agent="a", expected_version=1)
    history.say("Set", {"k": 3}, agent="b", **evidence)
    assert verdicts_of(history) == [("possible", "k", 2, 3)]


def test_agents_without_evidence_are_not_suspected() -> None:
    history = History()
    for n in range(1_000):
        data = {"cpu": n, "memory": n * 2}
        history.say("measured", data, agent=f"probe-{n % 3}", expected_version=0 if not n else None)
    state = history.folded(collisions)
    assert (state["lost"], state["possible"], state["unjudged"]) == (0, 0, 2 * 999)


def test_a_key_is_guarded_from_the_first_writer_on_who_says_what_it_had_read() -> None:
    history = History()
    history.say("Set", {"k": 1, "other": 1}, agent="a")
    history.say("Set", {"k": 2, "other": 2}, agent="b")
    history.say("Set", {"k": 3}, agent="a", read_position=2)
    history.say("Set", {"k": 4, "other": 4}, agent="b")
    history.say("Set", {"k": 5}, agent="a")
    assert verdicts_of(history) == [("possible", "k", 3, 4), ("possible", "k", 4, 5)]
    assert history.folded(collisions)["unjudged"] == 2


def test_a_chain_of_causes_shows_what_was_seen_however_long() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a")
    for n in range(1, 50):
        history.say("Noted", {f"other {n}": 1}, agent="c", causation_id=str(n))
    history.say("Set", {"k": 2}, agent="b", causation_id="50")
    assert verdicts_of(history) == []


def test_a_chain_through_another_stream_is_followed_where_that_is_folded_too() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a", read_position=0)
    history.say("Noted", stream="elsewhere", agent="c", causation_id="1")
    history.say("Set", {"k": 2}, agent="b", causation_id="2")
    assert verdicts_of(history) == [("possible", "k", 1, 3)]
    assert history.folded(collisions)["possible"] == 0


def test_causes_that_lead_round_in_a_circle_show_nothing() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a", read_position=0)
    history.say("Note", agent="b", causation_id="3")
    history.say("Note", agent="b", causation_id="2")
    history.say("Set", {"k": 2}, agent="b", causation_id="3")
    assert verdicts_of(history) == [("possible", "k", 1, 4)]


def test_a_cause_had_seen_what_its_writer_had_read() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a")
    history.say("Noted", {"other": 1}, agent="c", read_position=1)
    history.say("Set", {"k": 2}, agent="b", causation_id="2")
    assert verdicts_of(history) == []


def test_a_chain_that_contradicts_the_read_position_leaves_it_possible() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a")
    history.say("Noted", {"other": 1}, agent="c", causation_id="1")
    history.say("Set", {"k": 2}, agent="b", causation_id="2", read_position=0)
    assert verdicts_of(history) == [("possible", "k", 1, 3)]


def test_an_agent_knows_what_it_knew_before_only_where_the_evidence_says_so() -> None:
    history = History()
    history.say("Set", {"k": 1}, agent="a")
    history.say("Set", {"other": 1}, agent="b", expected_version=1)
    history.say("Set", {"k": 2}, agent="b", read_position=0)
    assert verdicts_of(history) == [("lost update", "k", 1, 3)]


def test_an_event_without_an_agent_may_be_anybodys() -> None:
    history = History()
    history.say("Set", {"k": 1})
    history.say("Set", {"k": 2}, read_position=0)
    assert verdicts_of(history) == [("possible", "k", 1, 2)]


def test_streams_do_not_collide() -> None:
    history = History()
    history.say("Set", {"k": 1}, stream="s", agent="a")
    history.say("Set", {"k": 2}, stream="t", agent="b", read_position=0)
    state = history.folded(collisions)
    assert (state["lost"], state["possible"]) == (0, 0)


def test_values_too_large_to_keep_are_told_apart() -> None:
    history = History()
    history.say("Set", {"k": ["x" * 9_000, {"a": 1, "b": 2}]}, agent="a")
    history.say("Set", {"k": ["x" * 9_000, {"b": 2, "a": 1}]}, agent="b", read_position=0)
    assert verdicts_of(history) == []
    history.say("Set", {"k": ["x" * 9_000, {"a": 1, "b": 3}]}, agent="a", read_position=0)
    assert verdicts_of(history) == [("lost update", "k", 2, 3)]
    assert len(str(history.folded(collisions))) < 5_000


def test_the_state_stays_bounded_and_the_counts_go_on() -> None:
    history = History()
    for n in range(1_000):
        data = {f"k{n}": n, "same": n}
        history.say("Set", data, agent=f"agent {n}", read_position=0 if n % 2 else None)
    state = history.folded(collisions)
    assert (state["lost"], state["possible"]) == (500, 499)
    assert [len(state[name]) for name in ("lost_updates", "possible_ones", "chain")] == [100, 100, 200]
    assert (len(state["written"]["s"]), state["forgotten_keys"]) == (500, 501)
    assert state["lost_updates"][-1]["by"]["position"] == 1_000


def test_many_streams_in_one_state_stay_bounded_too() -> None:
    history = History()
    for n in range(600):
        history.say("Set", {"k": n}, stream=f"s{n}", agent="a")
    state = history.folded(collisions)
    assert (len(state["written"]), state["forgotten_keys"]) == (500, 100)


@given(st.randoms(use_true_random=False))
def test_generated_histories_hold_exactly_what_was_planted(random: Random) -> None:
    """Agents read now and then, and write what follows from it, with whatever evidence they choose to give.

    The truth is what each agent has really read. Every update that was lost after a read position is found, and
    nothing else is called lost; the other losses of guarded keys are called possible.
    """
    history = History()
    read_positions = dict.fromkeys("abc", 0)
    last: dict[tuple[str, str], tuple[Event, int]] = {}
    proven: set[tuple[str, int, int]] = set()
    silent: set[tuple[str, int, int]] = set()
    guarded: set[tuple[str, str]] = set()
    for _ in range(random.randint(2, 60)):
        agent, stream = random.choice("abc"), random.choice("st")
        if random.random() < 0.5:
            read_positions[agent] = len(history.events)
        data = {key: random.randint(1, 3) for key in random.sample("xyz", random.randint(1, 2))}
        evidence = _evidence(history, random, read_positions[agent], stream)
        event = history.say("Set", data, stream=stream, agent=agent, **evidence)
        for key, value in data.items():
            theirs, was = last.get((stream, key), (event, value))
            if theirs.agent != agent and was != value and theirs.position > read_positions[agent]:
                if "read_position" in evidence:
                    proven.add((key, theirs.position, event.position))
                elif (stream, key) in guarded:
                    silent.add((key, theirs.position, event.position))
            last[stream, key] = event, value
            if "read_position" in evidence or evidence.get("expected_version"):
                guarded.add((stream, key))
    verdicts = verdicts_of(history, stream="s") + verdicts_of(history, stream="t")
    assert {tuple(place) for verdict, *place in verdicts if verdict == "lost update"} == proven
    assert {tuple(place) for verdict, *place in verdicts if verdict == "possible"} >= silent


def _evidence(history: History, random: Random, known: int, stream: str) -> dict[str, Any]:
    """All or some of the true evidence of an agent that has read the log up to `known`."""
    evidence: dict[str, Any] = {}
    if random.random() < 0.6:
        evidence["read_position"] = known
    if known and random.random() < 0.5:
        evidence["causation_id"] = str(random.randint(1, known))
    events_read = [event for event in history.events[:known] if event.stream == stream]
    if len(events_read) == history.versions.get(stream, 0) and random.random() < 0.3:
        evidence["expected_version"] = len(events_read)
    return evidence


@given(st.randoms(use_true_random=False))
def test_it_folds_as_a_projection_must(random: Random) -> None:
    history = History()
    for n in range(random.randint(0, 30)):
        data = random.choice([{"k": n}, {"k": [n, {"a": None}]}, n, None])
        history.say("Set", data, agent=random.choice(["a", "b", None]), read_position=random.choice([None, n // 2, n]))
    assert_pure(collisions, history.events)


def test_one_state_a_stream() -> None:
    history = History()
    history.say("Set", stream="s")
    history.say("Set", stream="t")
    assert list(by_key(collisions, history.events)) == ["s", "t"]
