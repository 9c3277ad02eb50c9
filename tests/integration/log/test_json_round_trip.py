"""Every JSON value is stored and read as it was sent, on both ways of reading."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.json.value import loads
from events.models import Log
from events.reading import store
from events.types import Appended
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
numbers = (
    st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(lambda number: Decimal(repr(number)))
    | st.decimals(-(10**30), 10**30, places=25, allow_nan=False)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def json_of(value: Any) -> str:
    """JSON in which each Decimal keeps its digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{json_of(value[key])}" for key in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_of, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=isinstance(value, bool))


@given(st.lists(values, min_size=5, max_size=20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_json_value_comes_back(engine: Engine, log: Log, append: AppendTo, sent: list[Any]) -> None:
    texts = [json_of(value) for value in sent]
    metadata = [json_of({"": value}) for value in sent]
    parts = [{"data": a.encode(), "metadata": b.encode()} for a, b in zip(texts, metadata, strict=True)]
    [outcome] = await append(make_append(None, *parts))
    assert isinstance(outcome, Appended)
    statement = store.events(log.pk, after=outcome.first_position - 1, limit=100)
    for events in (await statement.afetch(engine.pool), await sync_to_async(statement.fetch)()):
        assert [loads(event.data) for event in events] == sent
        assert [event.data for event in events] == texts
        assert [event.metadata for event in events] == metadata


@pytest.mark.parametrize(
    "number",
    [
        str(2**80),
        str(2**80 + 1),
        "0.12345678901234567890",
        "9" * 1_000,
        "0." + "1" * 999,
        "1e1000",
        "-1.25E-1000",
        "1.0",
        "-0",
        "-0.0",
        "1e2",
    ],
)
async def test_a_number_comes_back_digit_by_digit(append: AppendTo, read: Read, number: str) -> None:
    await append(make_append(None, {"data": f'{{"n":{number}}}'.encode()}))
    [event] = await read()
    assert event.data == f'{{"n":{number}}}'
    assert loads(event.data)["n"] == Decimal(number)
