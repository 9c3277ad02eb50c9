"""Steps of states, and the steps that changed a value, found by comparing it before and after each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from events.json.pointer import at, below
from projections.values.blame import Changes
from projections.values.change import Json
from projections.values.diff import diff, equal

# Items of arrays bear ids, so a test knows which item is which: the id names it, wherever it stands.
ITEMS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 5), "v": st.integers(0, 2)}),
    max_size=5,
    unique_by=lambda item: item["id"],
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "0", "x/y"]), st.integers(0, 2))
STATES: st.SearchStrategy[Any] = st.fixed_dictionaries({"items": ITEMS, "by": OBJECTS, "n": st.integers(0, 1)})
_ABSENT = object()


def steps_of(states: list[Json]) -> list[Changes]:
    """Step n leads from states[n - 1] to states[n]."""
    return [(n, diff(states[n - 1], states[n])) for n in range(1, len(states))]


def pointers(value: Json, pointer: str = "") -> Iterator[str]:
    yield pointer
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from pointers(inner, below(pointer, key))


def same(one: Any, other: Any) -> bool:
    return one is other or (one is not _ABSENT and other is not _ABSENT and equal(one, other))


def value_at(state: Json, pointer: str) -> Any:
    try:
        return at(state, pointer)
    except LookupError:
        return _ABSENT


def _item(state: Any, id: int) -> Any:
    return next((item for item in state["items"] if item["id"] == id), _ABSENT)


def by_force(states: list[Any], pointer: str) -> list[int]:
    """The steps that changed a value, newest first: the value is compared before and after each step."""
    steps = []
    last = states[-1]
    token = pointer.split("/")[2:] if pointer.startswith("/items/") else []
    id = last["items"][int(token[0])]["id"] if token else None

    def value(state: Any) -> Any:
        if id is None:
            return value_at(state, pointer)
        item = _item(state, id)
        return item if item is _ABSENT or len(token) == 1 else item[token[1]]

    for n in range(len(states) - 1, 0, -1):
        before, after = value(states[n - 1]), value(states[n])
        if not same(before, after):
            steps.append(n)
        if id is not None and before is _ABSENT:
            break
    return steps
