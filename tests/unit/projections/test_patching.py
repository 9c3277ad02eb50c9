"""JSON Patch (RFC 6902), and the states that agents share."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog.agent_state import agent_state
from projections.testing import assert_pure
from projections.values.change import Json
from projections.values.patching import PatchError, patched
from tests.support.histories import History
from tests.support.json_values import VALUES

DOCUMENT: Json = {"order": {"id": "1004", "vans": ["V1", "V2"], "a/b": {"m~n": 1}}, "done": False}


def op(op: str, path: str, **others: Any) -> Json:
    return {"op": op, "path": path, **others}


@pytest.mark.parametrize(
    ("operation", "pointer", "value"),
    [
        (op("add", "/order/slot", value="14:30"), ("order", "slot"), "14:30"),
        (op("add", "/order/id", value=7), ("order", "id"), 7),
        (op("add", "/order/vans/0", value="V0"), ("order", "vans"), ["V0", "V1", "V2"]),
        (op("add", "/order/vans/2", value="V3"), ("order", "vans"), ["V1", "V2", "V3"]),
        (op("add", "/order/vans/-", value="V3"), ("order", "vans"), ["V1", "V2", "V3"]),
        (op("remove", "/order/vans/0"), ("order", "vans"), ["V2"]),
        (op("replace", "/order/a~1b/m~0n", value=None), ("order", "a/b"), {"m~n": None}),
        (op("replace", "/order/vans/1", value="V9"), ("order", "vans"), ["V1", "V9"]),
        (op("move", "/order/van", **{"from": "/order/vans/1"}), ("order", "van"), "V2"),
        (op("move", "/order/vans/0", **{"from": "/order/vans/1"}), ("order", "vans"), ["V2", "V1"]),
        (op("copy", "/copy", **{"from": "/order/vans"}), ("copy",), ["V1", "V2"]),
        (op("replace", "", value={"new": 1}), (), {"new": 1}),
        (op("test", "/done", value=False), ("done",), False),
    ],
)
def test_an_operation_does_what_the_standard_says(operation: Json, pointer: tuple[str, ...], value: Json) -> None:
    before = deepcopy(DOCUMENT)
    result: Any = patched(before, [operation])
    for key in pointer:
        result = result[key]
    assert result == value
    assert before == DOCUMENT  # nothing that was given has changed


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (op("replace", "/nothing", value=1), "there is nothing at its path"),
        (op("remove", "/order/vans/2"), "there is nothing at its path"),
        (op("remove", "/order/vans/-"), "there is nothing at its path"),
        (op("add", "/order/vans/3", value=1), "there is nothing at its path"),
        (op("add", "/order/vans/01", value=1), "there is nothing at its path"),
        (op("add", "/order/id/0", value=1), "there is nothing at its path"),
        (op("add", "/nothing/below", value=1), "there is nothing at its path"),
        (op("add", "no pointer", value=1), "there is nothing at its path"),
        (op("test", "/done", value=0), "the test fails"),
        (op("remove", ""), "it removes everything"),
        (op("move", "/order/below", **{"from": "/order"}), "it moves a value into itself"),
        (op("spell", "/done"), "it is of no known kind"),
        ({"op": "add", "path": "/x"}, "there is nothing at its path"),
        ({"path": "/x"}, "there is nothing at its path"),
        ("add", "there is nothing at its path"),
    ],
)
def test_a_patch_that_does_not_fit_changes_nothing(operation: Json, reason: str) -> None:
    before = deepcopy(DOCUMENT)
    with pytest.raises(PatchError, match=re.escape(f"operation 1: {reason}")):
        patched(before, [op("add", "/first", value=1), operation])
    assert before == DOCUMENT


def test_values_that_a_patch_does_not_touch_are_shared() -> None:
    result: Any = patched(DOCUMENT, [op("replace", "/done", value=True), op("replace", "/done", value=None)])
    assert isinstance(DOCUMENT, dict)
    assert result["order"] is DOCUMENT["order"]


def test_a_copy_is_a_value_of_its_own() -> None:
    copy = op("copy", "/b", **{"from": "/a"})
    assert patched({"a": []}, [op("add", "/a/-", value=1), copy, op("add", "/a/-", value=2)]) == {"a": [1, 2], "b": [1]}


def test_copies_can_not_grow_without_end() -> None:
    double = op("copy", "/-", **{"from": ""})
    with pytest.raises(PatchError, match="too much|too deep"):
        patched(["x" * 1_000], [double] * 40)
    document: Json = ["x" * 1_000_000] * 4
    with pytest.raises(PatchError, match="too large"):
        patched(document, [op("copy", "/-", **{"from": "/0"})])


def test_values_can_not_become_too_deep() -> None:
    nests: list[Json] = [
        op("move", "/a", **{"from": "/b"}),
        op("add", "/b", value={}),
        op("move", "/b/a", **{"from": "/a"}),
    ]
    assert patched({"b": {}}, nests * 90)
    with pytest.raises(PatchError, match="operation 299: it makes the value too deep"):
        patched({"b": {}}, nests * 200)


PATHS = st.sampled_from(["", "/", "/a", "/a/0", "/a/-", "/a/b", "/0", "/-", "a", "/a/a/a", 7, None])
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x", None])},
    optional={"path": PATHS, "from": PATHS, "value": VALUES},
)


@given(st.lists(st.tuples(st.sampled_from(sorted(agent_state.handlers)), st.lists(OPERATIONS | VALUES) | VALUES)))
def test_no_patch_makes_the_projection_raise(said: list[tuple[str, Json]]) -> None:
    history = History()
    history.say("state.snapshot", {"state": {"a": [1, {"b": []}]}})
    for type, value in said:
        history.say(type, {"patch": value, "state": value})
    assert_pure(agent_state, history.events)


def test_states_follow_each_other() -> None:
    history = History()
    history.say("workflow.started", {"name": "depot"})
    history.say("state.snapshot", {"state": {"facts": []}})
    history.say("state.patched", {"patch": [op("add", "/facts/-", value="V1 is full")]})
    assert history.folded(agent_state)["state"] == {"facts": ["V1 is full"]}


def test_a_patch_that_does_not_fit_is_told_until_the_next_snapshot() -> None:
    history = History()
    history.say("state.snapshot", {"state": {"n": 1}})
    history.say("state.patched", {"patch": [op("remove", "/m")]})
    history.say("state.patched", "no patch")
    assert history.folded(agent_state) == {
        "state": {"n": 1},
        "unfitting_patches": 2,
        "last_unfitting": {"position": 3, "error": "the patch is no list of operations"},
    }
    history.say("state.snapshot", {"state": {"n": 2}})
    assert history.folded(agent_state) == {"state": {"n": 2}, "unfitting_patches": 0, "last_unfitting": None}
