"""States that a framework gives whole: the first one is recorded so, then what changed, as JSON Patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from eventsite_client._core.json import encode
from eventsite_client.adapters._fitting import fitted
from eventsite_client.adapters._runs import Run

Operation = dict[str, Any]


class States:
    """The states of one run. Of each, what changed since the one before is recorded."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._key: str | None = None
        self._state: Any = None

    def record(self, key: str, state: Any, *, at: datetime | None = None) -> None:
        """Record a state, unless it is recorded already or is the one before."""
        after, _ = fitted(state)
        patch = None if self._key is None else changes(self._state, after)
        if key != self._key and patch != []:
            if patch is None:
                self._run.state(key, "state.snapshot", at=at, state=state)
            else:
                self._run.state(key, "state.patched", at=at, patch=patch)
        self._key, self._state = key, after


def changes(before: Any, after: Any) -> list[Operation] | None:
    """Return the operations that turn one JSON value into another; None if the other one is shorter than they are."""
    operations = [*_changes(before, after, "")]
    return None if len(encode(operations)) > len(encode(after)) else operations


def _changes(before: Any, after: Any, path: str) -> Iterator[Operation]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _in_object(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_array(before, after, path)
    elif type(before) is not type(after) or before != after:
        yield {"op": "replace", "path": path, "value": after}


def _in_object(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Operation]:
    for name in before:
        if name not in after:
            yield {"op": "remove", "path": _below(path, name)}
    for name, value in after.items():
        if name in before:
            yield from _changes(before[name], value, _below(path, name))
        else:
            yield {"op": "add", "path": _below(path, name), "value": value}


def _in_array(before: list[Any], after: list[Any], path: str) -> Iterator[Operation]:
    """Compare item by item: what agents have in common mostly grows at its end."""
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _changes(old, new, f"{path}/{index}")
    for index in reversed(range(len(after), len(before))):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for value in after[len(before) :]:
        yield {"op": "add", "path": f"{path}/-", "value": value}


def _below(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
