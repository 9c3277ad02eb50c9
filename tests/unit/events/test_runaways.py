"""What is a runaway, and what is ordinary work that looks a little like one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.pauses.runaways import Act, Runaway, runaways
from events.pauses.target import Target
from eventsite.limits import Limits

AGENT, WORKFLOW = Target("agent", "a"), Target("workflow", "run-1")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def acts(*contents: tuple[str, str], seconds: float = 1.0, **fields: Any) -> list[Act]:
    """Events by agents, each with its data, one after the other."""
    events = [
        Act(n, agent, "run-1", "s", "Said", data, START + timedelta(seconds=n * seconds))
        for n, (agent, data) in enumerate(contents, 1)
    ]
    return [replace(event, **fields) for event in events]


def findings(events: list[Act]) -> list[Runaway]:
    return runaways(events, Limits())


def test_an_agent_that_says_the_same_again_and_again_runs_away() -> None:
    [finding] = findings(acts(*[("a", "same")] * 5))
    assert finding == Runaway(("a",), "run-1", "appended the same Said 5 times", (1, 2, 3, 4, 5), timedelta(seconds=4))


def test_other_agents_in_between_do_not_hide_a_runaway() -> None:
    [finding] = findings(acts(*[("a", "same"), ("b", "one"), ("c", "two"), ("b", "three")] * 2, *[("a", "same")] * 3))
    assert finding.positions == (1, 5, 9, 10, 11)


def test_a_loop_of_several_steps_is_one_runaway() -> None:
    loop = [("a", "try"), ("a", "wait"), ("a", "fail")]
    [finding] = findings(acts(*loop * 5))
    assert finding.words == "appended the same Said 5 times"
    assert finding.positions == (1, 4, 7, 10, 13)


@pytest.mark.parametrize(
    "events",
    [
        acts(*[("a", "same")] * 4),
        acts(*[("a", "same")] * 20, seconds=8),
        acts(*[("a", "{}")] * 20),
        acts(*[("a", "null")] * 20),
        acts(*[("a", str(n)) for n in range(40)]),
        acts(*[each for n in range(20) for each in (("a", "next"), ("a", str(n)))]),
        [act for n in range(20) for act in acts(("a", "shipped"), workflow=f"order-{n}")],
        acts(*[("a", "same")] * 20, agent=None),
    ],
    ids=["few", "slow", "without data", "redacted", "new", "new in between", "many workflows", "nobody"],
)
def test_ordinary_work_is_no_runaway(events: list[Act]) -> None:
    assert findings(events) == []


def test_a_row_ends_where_something_new_comes() -> None:
    events = acts(*[("a", "same")] * 6, ("a", "new"), *[("a", "other")] * 5)
    assert [each.positions for each in findings(events)] == [(1, 2, 3, 4, 5, 6), (8, 9, 10, 11, 12)]


def test_only_the_fast_part_of_a_row_is_a_runaway() -> None:
    slow = acts(*[("a", "same")] * 3, seconds=100)
    fast = [
        replace(act, position=act.position + 3, at=act.at + timedelta(hours=1)) for act in acts(*[("a", "same")] * 6)
    ]
    [finding] = findings([*slow, *fast])
    assert finding.positions == (4, 5, 6, 7, 8, 9)


def test_two_agents_that_say_nothing_new_to_each_other_run_away() -> None:
    [finding] = findings(acts(*[("a", "after you"), ("b", "no, after you")] * 5))
    assert finding.agents == ("a", "b")
    assert finding.words == "took 8 turns without anything new"
    assert finding.positions == (3, 4, 5, 6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    "contents",
    [
        [("a", "after you"), ("b", "no, after you")] * 4,
        [each for n in range(20) for each in (("a", "and then?"), ("b", str(n)))],
        [("a", "x"), ("b", "y"), ("c", "z")] * 10,
        [("a", "x"), ("a", "x"), ("b", "y")] * 10,
    ],
    ids=["short", "one has news", "three agents", "no turns"],
)
def test_an_ordinary_talk_is_no_runaway(contents: list[tuple[str, str]]) -> None:
    assert findings(acts(*contents, seconds=60)) == []


def test_what_happens_elsewhere_does_not_hide_two_agents_to_and_fro() -> None:
    talk = acts(*[("a", "after you"), ("b", "no, after you")] * 5, seconds=60)
    elsewhere = acts(*[("c", str(n)) for n in range(10)], workflow="run-2")
    events = [act for pair in zip(talk, elsewhere, strict=True) for act in pair]
    assert [each.agents for each in findings(events)] == [("a", "b")]


def test_an_agent_that_repeats_itself_before_two_go_to_and_fro_is_named_too() -> None:
    alone, talk = [("a", "same")] * 5, [("a", "after you"), ("b", "no, after you")] * 5
    assert [each.agents for each in findings(acts(*alone, ("c", "in between"), *talk))] == [("a",), ("a", "b")]


@pytest.mark.parametrize(
    ("agents", "workflow", "target", "targets"),
    [
        (("a",), "run-1", AGENT, {AGENT, WORKFLOW}),
        (("a",), None, AGENT, {AGENT}),
        (("a", "b"), "run-1", WORKFLOW, {AGENT, Target("agent", "b"), WORKFLOW}),
        (("a", "b"), None, None, {AGENT, Target("agent", "b")}),
    ],
)
def test_a_runaway_names_what_a_pause_would_stop(
    agents: tuple[str, ...], workflow: str | None, target: Target | None, targets: set[Target]
) -> None:
    runaway = Runaway(agents, workflow, "", (1, 2), timedelta())
    assert runaway.target == target
    assert runaway.targets == targets
