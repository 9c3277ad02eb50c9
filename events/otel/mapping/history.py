"""The messages of a call that are new: the model had not been given them before. Pure.

Each call of a model repeats the whole history. Most of it is in the log already: replies, and the results of tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from events.otel.mapping.errors import error_of
from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import fingerprint
from events.otel.mapping.reading import Message, Role
from events.otel.mapping.tree import Node
from events.otel.mapping.wrappers import unwrap

_END: Message = {"role": ""}
"""It comes after the last message, so that the results before it are looked at, too."""


class Histories:
    """The histories of all agents of a run."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._messages: dict[tuple[str | None, int], list[Message]] = {}
        self._replies: set[tuple[Any, ...]] = set()
        self._contents: set[str] = set()
        self._ids: set[str] = set()
        """The ids of the calls that replies ask for."""
        self._calls: list[dict[str, Any]] = []
        self._results: set[str] = set()
        self._prints: dict[int, tuple[Any, ...]] = {}
        for node in nodes:
            reading = node.reading
            if node.role == Role.MODEL and reading.reply is not None:
                self._replies.add(fingerprint(reading.reply))
                if "content" in reading.reply:
                    self._contents.add(reading.reply["content"])
                for call in reading.reply.get("tool_calls", ()):
                    self._calls.append(call)
                    self._ids.add(call.get("id", ""))
            elif node.role in (Role.TOOL, Role.HANDOFF) and reading.call_id is not None:
                self._results.add(reading.call_id)

    def news(self, node: Node) -> list[Message] | None:
        """Return the messages that are new since the last call of a model by this agent. Ask in the order of time."""
        messages = node.reading.messages
        if not messages:
            return None
        key = node.agent, id(node.agent_node)
        earlier = self._messages.get(key, [])
        self._messages[key] = messages
        shared = 0
        for old, new in zip(earlier, messages, strict=False):
            if old is not new and self._print(old) != self._print(new):
                break
            shared += 1
        earlier_prints = {self._print(message) for message in earlier[shared:]}
        news = [
            message
            for message in messages[shared:]
            if not self._is_recorded(message, is_first=not earlier) and self._print(message) not in earlier_prints
        ]
        return news or None

    def _print(self, message: Message) -> tuple[Any, ...]:
        """Return a message's fingerprint. The messages of a repeated history are mostly the same objects."""
        print = self._prints.get(id(message))
        if print is None:
            print = self._prints[id(message)] = fingerprint(message)
        return print

    def _is_recorded(self, message: Message, *, is_first: bool) -> bool:
        """Whether another event of the run says the same.

        What an agent is told of its own replies and their results, from its second call on, often has other words.
        """
        if message["role"] == "tool":
            call_id = message.get("call_id", "")
            is_known = call_id in self._results
            return is_known or (not is_first and bool(self._results) and call_id not in self._ids)
        if message["role"] != "assistant":
            return False
        if not is_first or self._print(message) in self._replies:
            return True
        calls = message.get("tool_calls", ())
        is_known = "content" not in message or message["content"] in self._contents
        return is_known and all(call.get("id") in self._ids or _key(call) in self._keys for call in calls)

    @cached_property
    def _keys(self) -> set[str]:
        return {_key(call) for call in self._calls}


def take_results(nodes: list[Node]) -> None:
    """Let a tool whose span does not tell its result, or why it failed, take that from what a model was told later."""
    silent = {
        node.reading.call_id: node
        for node in nodes
        if node.role == Role.TOOL and node.reading.call_id is not None and _is_silent(node)
    }
    if not silent:
        return
    for node in nodes:
        for call_id, message in _answers(node.reading.messages or ()) if node.role == Role.MODEL else ():
            tool = silent.pop(call_id, None) if call_id is not None and "content" in message else None
            if tool is not None:
                tool.reading.result = parsed(message["content"])
                unwrap(tool.reading)
                tool.error = error_of(tool.span, tool.reading)


def _answers(messages: Iterable[Message]) -> Iterator[tuple[str | None, Message]]:
    """Yield the results of tools with the ids of their calls.

    Where the ids of the results are not those of the calls before them, their order tells which is whose.
    """
    call_ids: list[str | None] = []
    results: list[Message] = []
    for message in (*messages, _END):
        if message["role"] == "tool":
            results.append(message)
            continue
        ids = [result.get("call_id") for result in results]
        by_order = len(ids) == len(call_ids) and set(ids) != set(call_ids)
        yield from zip(call_ids if by_order else ids, results, strict=True)
        results = []
        call_ids = [call.get("id") for call in message.get("tool_calls", ())]


def _is_silent(tool: Node) -> bool:
    return tool.reading.result is None and (
        tool.error is None or tool.error["message"] in ("failed", tool.error.get("type"))
    )


def _key(call: dict[str, Any]) -> str:
    """Return name and arguments of a call as text: some frameworks give it another id in the history."""
    return f"{call['name']} {call.get('arguments')}"
