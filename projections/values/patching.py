"""JSON Patch (RFC 6902): operations that turn one value into another. Pure.

A patch applies as a whole or not at all, and changes nothing that it is given: what it does not touch is shared.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from events.json.pointer import array_index, tokens
from projections.values.change import Json
from projections.values.diff import equal

MAX_PLACED = 2**22
"""The most that the operations of a patch may place, in characters; each value counts as eight at least."""
MAX_DEPTH = 100
_VALUE_CHARACTERS = 8


class PatchError(ValueError):
    """A patch does not fit the value. The text says which operation, and why."""


def patched(document: Json, patch: Json) -> Json:
    """Return the value after a patch.

    Raises:
        PatchError: it is no patch, does not fit, or copies too much.
    """
    if not isinstance(patch, list):
        raise PatchError("the patch is no list of operations")
    patching = _Patching(document)
    for number, operation in enumerate(patch):
        try:
            patching.apply(operation)
        except (LookupError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, PatchError) else "there is nothing at its path"
            raise PatchError(f"operation {number}: {reason}") from None
    return patching.result()


class _Patching:
    """A value while operations change it. Each container is copied before the first change in it."""

    def __init__(self, document: Json) -> None:
        self._holder: Any = {"": document}
        self._own = {id(self._holder)}
        self._placed = 0
        self._has_copied = False

    def result(self) -> Json:
        document: Json = self._holder[""]
        if self._has_copied and _measure(document, MAX_PLACED)[0] > MAX_PLACED:
            raise PatchError("its copies make the value too large")
        return document

    def apply(self, operation: Any) -> None:
        op, path = operation["op"], _path(operation["path"])
        if op == "test":
            if not equal(self._at(path), operation["value"]):
                raise PatchError("the test fails")
        elif op == "remove":
            self._take(path)
        elif op in ("add", "replace"):
            self._place(path, operation["value"], replaces=op == "replace")
        elif op in ("move", "copy"):
            source = _path(operation["from"])
            if op == "move" and path[: len(source)] == source != path:
                raise PatchError("it moves a value into itself")
            self._has_copied = self._has_copied or op == "copy"
            self._place(path, self._copied(source) if op == "copy" else self._take(source), replaces=False)
        else:
            raise PatchError("it is of no known kind")

    def _at(self, path: list[str]) -> Any:
        value = self._holder[""]
        for token in path:
            value = value[_key(value, token)]
        return value

    def _copied(self, path: list[str]) -> Any:
        value = self._at(path)
        self._count(value, 0)
        return deepcopy(value)

    def _container(self, path: list[str]) -> tuple[Any, str]:
        """Return the container of a value, which may be changed, and the value's token in it."""
        container = self._holder
        for token in ["", *path][:-1]:
            key = _key(container, token)
            child = container[key]
            if id(child) not in self._own:
                child = container[key] = child.copy() if isinstance(child, (dict, list)) else child
                self._own.add(id(child))
            container = child
        return container, path[-1] if path else ""

    def _take(self, path: list[str]) -> Any:
        container, token = self._container(path)
        if container is self._holder:
            raise PatchError("it removes everything")
        return container.pop(_key(container, token))

    def _place(self, path: list[str], value: Any, *, replaces: bool) -> None:
        self._count(value, len(path))
        container, token = self._container(path)
        if isinstance(container, dict):
            if replaces:
                container[token]
            container[token] = value
        elif replaces:
            container[_key(container, token)] = value
        else:
            index = _place_in(container, token)
            container.insert(index, value)

    def _count(self, value: Any, depth: int) -> None:
        size, inner = _measure(value, MAX_PLACED - self._placed)
        self._placed += size
        if self._placed > MAX_PLACED:
            raise PatchError("it places too much")
        if depth + inner > MAX_DEPTH:
            raise PatchError("it makes the value too deep")


def _path(pointer: Any) -> list[str]:
    if not isinstance(pointer, str):
        raise LookupError(pointer)
    return tokens(pointer)


def _key(container: Any, token: str) -> str | int:
    """Return the key of a member, or the index of an item."""
    return token if isinstance(container, dict) else _index(container, token)


def _place_in(container: Any, token: str) -> int:
    """Return the index at which an item is added: at most one after the last."""
    is_end = isinstance(container, list) and token in ("-", str(len(container)))
    return len(container) if is_end else _index(container, token)


def _index(container: Any, token: str) -> int:
    index = array_index(token) if isinstance(container, list) else None
    if index is None or index >= len(container) or str(index) != token:
        raise LookupError(token)
    return index


def _measure(value: Json, most: int) -> tuple[int, int]:
    """Return the size of a value, counted until it is more than so much, and its depth."""
    size, depth = 0, 0
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting and size <= most:
        each, level = waiting.pop()
        depth = max(depth, level)
        size += max(_VALUE_CHARACTERS, len(each) if isinstance(each, str) else 0)
        if isinstance(each, dict):
            size += sum(map(len, each))
            waiting.extend((item, level + 1) for item in each.values())
        elif isinstance(each, list):
            waiting.extend((item, level + 1) for item in each)
    return size, depth
