"""What a run of agents shows of the state that they share: each step of it changes something, and it stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest

from projections.catalog.agent_run import agent_run
from projections.definition.projection import decode
from projections.values.exact_json import dumps
from tests.support.histories import History


def folded(*told: tuple[str, Any]) -> Any:
    history = History()
    for type, data in told:
        history.say(type, text=json.dumps(data))
    state: Any = agent_run.initial
    for event in history.events:
        state = agent_run.reduce(state, decode(event))
    return state


def test_a_whole_state_shows_its_members() -> None:
    state = folded(("state.snapshot", {"state": {"vans": ["V1"], "driver": None, "note": "x" * 1_000}}))
    shared = state["shared_state"]
    assert (shared["told"], shared["position"], state["status"]) == (1, 1, "running")
    assert (shared["last_change"]["whole"]["vans"], shared["last_change"]["whole"]["driver"]) == (["V1"], None)
    assert 300 <= len(shared["last_change"]["whole"]["note"]) < 400


def test_a_patch_shows_what_its_operations_set() -> None:
    patch = [
        {"op": "add", "path": "/vans/-", "value": "V2"},
        {"op": "add", "path": "/vans/-", "value": "V3"},
        {"op": "replace", "path": "/driver", "value": None},
        {"op": "move", "from": "/a", "path": "/b"},
        {"op": "remove", "path": "/c"},
    ]
    state = folded(("state.snapshot", {"state": {}}), ("state.patched", {"patch": patch}))
    assert state["shared_state"] == {
        "told": 2,
        "position": 2,
        "last_change": {
            "1 add /vans/-": "V2",
            "2 add /vans/-": "V3",
            "3 replace /driver": None,
            "4 move /b": "/a",
            "5 remove /c": None,
        },
    }


def test_the_same_change_told_again_is_a_change_of_the_state() -> None:
    change = ("state.patched", {"patch": [{"op": "replace", "path": "/round", "value": 1}]})
    assert folded(change)["shared_state"] != folded(change, change)["shared_state"]


def test_of_a_large_change_the_beginning_is_shown() -> None:
    patch = [{"op": "add", "path": f"/{number}", "value": number} for number in range(5_000)]
    change = folded(("state.patched", {"patch": patch}))["shared_state"]["last_change"]
    assert (len(change), change["10 add /9"], change["…"]) == (11, 9, "4990 more")
    whole = folded(("state.snapshot", {"state": {f"{number}": number for number in range(5_000)}}))
    assert (len(whole["shared_state"]["last_change"]["whole"]), whole["shared_state"]["last_change"]["whole"]["…"]) == (
        11,
        "4990 more",
    )


@pytest.mark.parametrize("type", ["state.snapshot", "state.patched"])
@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"state": 1, "patch": 1},
        {"state": [], "patch": [1, None, [], {}, {"op": [], "path": {"a": 1}}]},
        {"state": {"k" * 100_000: "v" * 100_000}, "patch": [{"op": "o" * 100_000, "path": "p" * 100_000}] * 100},
    ],
)
def test_whatever_is_told_the_state_stays_small(type: str, data: Any) -> None:
    state = folded((type, data))
    assert state["shared_state"]["told"] == 1
    assert len(dumps(state)) < 20_000
