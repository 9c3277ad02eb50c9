"""Messages, and other lists, whose members are attributes of their own: `<prefix>0.role`, `<prefix>0.content`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from events.otel.mapping.messages import joined, parted
from events.otel.mapping.reading import Message

_MAX_LEVELS = 16
"""Of names with dots that become objects in each other."""
_PLAIN = (str, int, float, bool)
_MEMBER = "message."
_SCALARS = frozenset({"role", "content", "tool_call_id"})
"""The members of messages that are neither objects nor lists."""


def flattened_messages(attributes: Mapping[str, Any], prefix: str) -> list[Message] | None:
    """Read messages whose members are attributes of their own: `<prefix>0.role`, `<prefix>0.content`. None without any.

    The messages must not be changed.
    """
    items = _by_index(attributes, prefix)
    if not items:
        return None
    # With the types, as 1 and True are the same key.
    return joined(
        _messages_of_members(tuple((name, type(value), value) for name, value in items[index]))
        for index in sorted(items)
    )


def unflattened(attributes: Mapping[str, Any], prefix: str) -> list[Any] | None:
    """Return the list whose items' members are attributes of their own. None if there is no item."""
    items = _by_index(attributes, prefix)
    return [_nested(items[index]) for index in sorted(items)] if items else None


def _by_index(attributes: Mapping[str, Any], prefix: str) -> dict[int, list[tuple[str, Any]]]:
    """Return the members of each item, with the rest of their names."""
    items: dict[int, list[tuple[str, Any]]] = {}
    length = len(prefix)
    for key, value in attributes.items():
        if key.startswith(prefix):
            index, _, name = key[length:].partition(".")
            if len(index) <= 9 and index.isdecimal() and isinstance(value, _PLAIN):
                items.setdefault(int(index), []).append((name, value))
    return items


@lru_cache(maxsize=1_024)
def _messages_of_members(members: tuple[tuple[str, type, Any], ...]) -> Sequence[Message]:
    fields = {name.removeprefix(_MEMBER): value for name, _, value in members}
    if fields.keys() <= _SCALARS:
        return parted(fields)
    return parted(_plain(_nested((name, value) for name, _, value in members)))


forget = _messages_of_members.cache_clear
"""Forget the messages that were read."""


def _nested(members: Iterable[tuple[str, Any]]) -> Any:
    tree: dict[str, Any] = {}
    for key, value in members:
        *path, last = key.split(".", _MAX_LEVELS)
        node = tree
        for name in path:
            child = node.setdefault(name, {})
            if not isinstance(child, dict):
                break
            node = child
        else:
            node.setdefault(last, value)
    return _lists(tree)


def _lists(tree: Any) -> Any:
    """Turn objects whose keys are numbers into lists."""
    if not isinstance(tree, dict):
        return tree
    first = next(iter(tree), "")
    if first.isdecimal() and all(key.isdecimal() and key.isascii() for key in tree):
        return [_lists(tree[key]) for key in sorted(tree, key=lambda key: (len(key), key))]
    return {key: _lists(value) if isinstance(value, dict) else value for key, value in tree.items()}


def _plain(item: Any) -> Any:
    """Return a message without the objects by which OpenInference says what their content is."""
    if not isinstance(item, dict):
        return item
    message = item.get("message")
    fields = dict(message) if isinstance(message, dict) else dict(item)
    if isinstance(contents := fields.pop("contents", None), list):
        fields["content"] = [_unwrapped(one, "message_content") for one in contents]
    if isinstance(calls := fields.get("tool_calls"), list):
        fields["tool_calls"] = [_unwrapped(one, "tool_call") for one in calls]
    if name := fields.get("function_call_name"):
        fields["tool_calls"] = [{"name": name, "arguments": fields.get("function_call_arguments_json")}]
    return fields


def _unwrapped(item: Any, name: str) -> Any:
    return item.get(name, item) if isinstance(item, dict) else item
