"""The events that every benchmark writes: a tool call of an agent, with about 236 bytes of data."""

from __future__ import annotations

import orjson


def _data(number: int) -> dict[str, object]:
    return {
        "task": f"task-{number:06}",
        "agent": f"agent-{number % 17:02}",
        "tool": ("shell", "edit", "search", "http")[number % 4],
        "args": {"path": f"/srv/app/module_{number % 997}.py", "line": number % 4000, "flags": ["a", "b"]},
        "tokens": {"in": number % 9000, "out": number % 700},
        "ok": number % 7 != 0,
        "note": f"lorem ipsum dolor sit amet consectetur adipiscing elit {number * 7919 % 100_003}",
    }


TYPE = "ToolCalled"
DATA = [orjson.dumps(_data(number)) for number in range(2_000)]


def data(number: int) -> bytes:
    """JSON text: 2,000 different ones in turn."""
    return DATA[number % len(DATA)]
