"""Spans of agents, as tests of the mapper make them by hand, and what they become."""

from __future__ import annotations

import json
from typing import Any

from events.otel.mapping.run import MappedEvent, map_run
from events.otel.spans import Span
from tests.support.mapped import lines

TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(number: int, parent: int | None, start: int, end: int, **fields: Any) -> Span:
    """A span by its number; times are milliseconds. `name` and `status` are the span's, the others its attributes."""
    attributes = {key: value for key, value in fields.items() if key not in ("name", "status", "scope", "events")}
    return Span(
        TRACE,
        f"{number:016x}",
        None if parent is None else f"{parent:016x}",
        fields.get("name", "x"),
        start * 1_000_000,
        end * 1_000_000,
        attributes,
        events=fields.get("events", ()),
        status_code=fields.get("status", 0),
        scope=fields.get("scope", ""),
    )


def agent(number: int, parent: int | None, start: int, end: int, name: str, **fields: Any) -> Span:
    known = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, **fields}
    return span(number, parent, start, end, **known)


def chat(
    number: int, parent: int | None, start: int, end: int, *calls: dict[str, Any], text: str = "", **fields: Any
) -> Span:
    parts = [{"type": "tool_call", **call} for call in calls] + ([{"type": "text", "content": text}] if text else [])
    output = json.dumps([{"role": "assistant", "parts": parts}])
    known = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": output, **fields}
    return span(number, parent, start, end, **known)


def tool(number: int, parent: int | None, start: int, end: int, name: str, **fields: Any) -> Span:
    known = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **fields}
    return span(number, parent, start, end, **known)


def told(*spans: Span) -> list[str]:
    return lines(map_run(spans).events)


def data_of(events: list[MappedEvent], type: str) -> dict[str, Any]:
    found: dict[str, Any] = next(json.loads(event.data) for event in events if event.type == type)
    return found
