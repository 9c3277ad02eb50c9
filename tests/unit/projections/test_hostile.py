"""No data of an event may stop a built-in projection, or become a key that can't be one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.definition.projection import (
    AGENT,
    LOG,
    MAX_KEY_CHARACTERS,
    STREAM,
    WORKFLOW,
    Key,
    Projection,
    decode,
    is_key,
    pointer,
)
from projections.materialise.batch import Batch, KeyState
from projections.registry import PROJECTIONS
from projections.testing import event
from projections.values.exact_json import dumps
from tests.support.decoded import happened
from tests.support.histories import History
from tests.support.hostile_histories import histories
from tests.support.json_values import VALUES

KEYS = [STREAM, WORKFLOW, AGENT, LOG, pointer(""), pointer("/stops"), *(each.key for each in PROJECTIONS.values())]
NO_KEYS = (
    "a\nb",
    "a\x1fb",
    "a\0b",
    "\x7f",
    "\x85",
    "\ud800",
    "x" * (MAX_KEY_CHARACTERS + 1),
    7,
    True,
    {"a": 1},
    [["a"]],
)


def nothing_known(keys: Collection[str]) -> tuple[dict[str, KeyState], set[str]]:
    return {}, set()


@given(history=histories())
def test_no_built_in_projection_raises_whatever_the_data(history: History) -> None:
    events = [decode(each) for each in history.events]
    for projection in PROJECTIONS.values():
        batch = Batch(projection, policy="stop")
        batch.fold([each for each in events if projection.reads(each.event)], nothing_known)
        assert batch.failure is None, batch.failure.traceback
        for each in batch.states.values():
            dumps(each.state)


@given(history=histories())
def test_every_key_can_be_stored_and_asked_for_whatever_the_data(history: History) -> None:
    for key in KEYS:
        for each in history.events:
            assert all(map(is_key, key.keys(decode(each)))), key.name


@pytest.mark.parametrize("value", NO_KEYS)
def test_a_value_that_can_not_be_a_key_is_none_and_is_counted(value: Any) -> None:
    projection = Projection("counting", about="For a test.", key=Key("odd", lambda event: [value, "b", "b"]))
    projection.on("*")(lambda state, event: {"n": state.get("n", 0) + 1})
    batch = Batch(projection, policy="stop")
    batch.fold([happened(position=1), happened(position=2)], nothing_known)
    assert (batch.failure, batch.stopped_at) == (None, None)
    assert batch.states == {"b": KeyState({"n": 2}, 2, 2)}
    assert (batch.unkeyed, batch.unkeyed_position) == (2, 2)


@pytest.mark.parametrize("value", NO_KEYS)
def test_a_single_value_that_can_not_be_a_key_is_none_too(value: Any) -> None:
    assert Key("odd", lambda event: value).keys(happened()) == ()


@pytest.mark.parametrize(
    ("data", "keys", "unkeyed"),
    [
        ({"sku": "A"}, ("A",), 0),
        ({"sku": 12}, ("12",), 0),
        ({"sku": 10**599}, (str(10**599),), 0),
        ({"sku": 10**600}, (), 1),
        ({"sku": 10**5_000}, (), 1),
        ({"sku": None}, (), 0),
        ({}, (), 0),
        (None, (), 0),
        ({"sku": "a\nb"}, (), 1),
        ({"sku": True}, (), 1),
        ({"sku": ["A", "B"]}, (), 1),
        ({"sku": {"A": 1}}, (), 1),
    ],
)
def test_a_pointer_finds_a_text_or_a_whole_number(data: Any, keys: tuple[str, ...], unkeyed: int) -> None:
    sold = decode(event("ItemSold"))
    sold._data = data
    assert pointer("/sku").sorted_out(sold) == (keys, unkeyed)


@given(st.lists(VALUES, max_size=3) | VALUES)
def test_any_value_may_be_given_as_key(value: Any) -> None:
    keys, unkeyed = Key("any", lambda event: value).sorted_out(happened())
    assert all(map(is_key, keys))
    assert unkeyed >= 0
