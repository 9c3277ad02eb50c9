"""The types of the client, as tools for types see them and as values."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import msgspec
import pytest

import eventsite_client
from eventsite_client import NewEvent

KINDS = [kind for name in eventsite_client.__all__ if inspect.isclass(kind := getattr(eventsite_client, name))]
METHODS = [
    pytest.param(function, id=f"{kind.__name__}.{name}")
    for kind in KINDS
    for name, function in inspect.getmembers(kind, inspect.isfunction)
    if function.__module__.startswith("eventsite_client")
]


@pytest.mark.parametrize("function", METHODS)
def test_hints_can_be_read_at_run_time(function: object) -> None:
    get_type_hints(function)


def test_an_event_has_its_type_and_its_data_by_place_and_the_rest_by_name() -> None:
    event = NewEvent("A", {"n": 1}, agent="router")
    assert msgspec.json.encode(event) == b'{"type":"A","data":{"n":1},"agent":"router"}'
    with pytest.raises(TypeError):
        NewEvent("A", {}, "an id")  # type: ignore[misc]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, msgspec.Struct) and kind is not NewEvent])
def test_the_members_of_other_values_have_names_only(kind: type[msgspec.Struct]) -> None:
    assert kind.__match_args__ == ()
