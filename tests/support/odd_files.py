"""Files in the shape of real ones with odd values in them, for the properties that every format keeps."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

from events.transfer.importers import FORMATS

Place: TypeAlias = tuple[str | int, ...]


class Text(str):
    """A text that is written as it is, not as a JSON string."""


def json_of(value: Any) -> str:
    """JSON, except that each `Text` is written as it is."""
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_of(key)}: {json_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_of, value)) + "]"
    return json.dumps(value)


EVENT = {
    "stream": "order-1",
    "id": "1",
    "type": "Placed",
    "data": {"sku": "A-7", "price": 1.5},
    "metadata": {"a": [1]},
    "agent": "router",
    "schema_version": 2,
    "correlation_id": "w",
    "causation_id": "0",
    "occurred_at": "2026-01-31T12:00:00Z",
    "position": 1,
    "version": 1,
    "recorded_at": "2026-01-31T12:00:00Z",
    "restore": {"digest": "ab" * 32, "expected_version": 0, "read_position": 0},
}
GITHUB = {
    "id": "17244207336",
    "type": "IssuesEvent",
    "actor": {"id": 1, "login": "octocat"},
    "repo": {"id": 2, "name": "octo/cat"},
    "payload": {"action": "opened", "issue": {"number": 7, "title": "…"}, "head": "4f"},
    "public": True,
    "created_at": "2021-07-21T06:00:00Z",
}
METADATA = {"model_response": {"usage": {"total_tokens": 3}}, "tool_call_id": "c"}
OPENHANDS: list[dict[str, Any]] = [
    {
        "id": 0,
        "timestamp": "2025-04-30T16:32:54.707474",
        "source": "user",
        "action": "message",
        "args": {"content": "?"},
    },
    {"id": 3, "source": "agent", "action": "edit", "args": {"path": "/a.c"}, "tool_call_metadata": METADATA},
    {"id": 4, "source": "agent", "cause": 3, "observation": "edit", "content": "…", "extras": {"path": "/a.c"}},
    {"observation": "run", "exit_code": 0, "content": "…", "extras": {"metadata": {"exit_code": 2}}},
    {"id": "b", "kind": "ActionEvent", "source": "agent", "tool_name": "terminal", "action": {"command": "ls"}},
    {"id": "d", "kind": "ObservationEvent", "source": "agent", "action_id": "b", "observation": {"exit_code": 2}},
]
TAU: list[dict[str, Any]] = [
    {"role": "system", "content": "# Airline Agent Policy"},
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": "One moment.",
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "get_user", "arguments": '{"user": 1}'}},
            {"id": "d", "type": "function", "function": {"name": "think", "arguments": "{}"}},
        ],
    },
    {"role": "tool", "tool_call_id": "c", "name": "get_user", "content": '{"seats": [1]}'},
    {"role": "tool", "tool_call_id": "d", "name": "think", "content": "Error: no"},
]
WHO: list[dict[str, Any]] = [
    {"role": "human", "content": "?"},
    {"role": "Orchestrator (thought)", "content": 'Updated Ledger: {"next": {"answer": "WebSurfer"}}'},
    {"role": "Orchestrator (-> WebSurfer)", "content": "Look."},
    {"role": "WebSurfer", "content": "Found."},
    {"role": "user", "name": "Computer_terminal", "content": "exitcode: 0"},
]
SHAPES: dict[str, list[tuple[str, Any]]] = {
    "eventsite": [("a.jsonl", [EVENT, {"stream": "s", "id": "2", "type": "T", "data": 1}])],
    "github-archive": [("a.json", [GITHUB, GITHUB | {"id": "2", "type": "PushEvent"}])],
    "openhands": [
        ("a.jsonl", [{"instance_id": "i-1", "history": OPENHANDS, "metrics": {"cost": 0.5}, "error": None}]),
        ("a.jsonl", [{"history": [OPENHANDS[:2], OPENHANDS[2:4]]}, {"instance_id": 7, "trajectory": OPENHANDS}]),
        ("a.json", OPENHANDS),
        ("a.json", [{"trajectory": OPENHANDS, "feedback": "positive"}, {"history": OPENHANDS[1:3]}]),
    ],
    "tau-bench": [
        (
            "a.json",
            [
                {"task_id": 47, "trial": 2, "reward": 0.0, "traj": TAU, "info": {"task": {"actions": [{"name": "a"}]}}},
                {"task_id": 48, "trial": 2, "reward": 1.0, "traj": TAU[1:]},
            ],
        )
    ],
    "who-and-when": [
        ("12.json", {"history": WHO, "question_ID": "q", "mistake_step": "2", "mistake_agent": "WebSurfer"}),
        ("b.json", {"system_prompt": {"A": "…"}, "history": WHO[:3], "mistake_step": "x"}),
    ],
}
"""The files of each format: name and content. The content of a `.jsonl` is a list with an item for each line."""
LINES = {"eventsite", "github-archive"}

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 3, 1.5, -0.0, 2**63, 10**30, "", " ", "3", "b", "text", "null", "a\nb", "\x00",
    "é\ud800", "x" * 201, "a/../b", "octo/events", "yesterday", "2025-05-03 13:00", "2025-05-03T13:00:00",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", [], {}, [None], [[]], {"": {}}, ["c", 1], {"path": [1]},
    {"number": 10**4_000}, *map(Text, ("NaN", "-Infinity", "1e9999", "9" * 5_000, "01", "nope", "", "]", "}", '"')),
    *map(Text, (",", '"\\ud800"', '"\x01"', "\udcff", '{"a": 1, "a": 2}', f'"{"y" * 5_000}"')),
    *map(Text, ('{"a": ' * 99 + "1" + "}" * 99,)),
    *(Text("[" * depth + "]" * depth) for depth in (99, 100, 150, 5_000)),
]  # fmt: skip
"""Values that replace sound ones. A lone low surrogate is written as a byte that is not UTF-8."""


def file_of(format: str, name: str, content: Any) -> bytes:
    """The bytes of a file: one line an item in the formats and files that have lines, else one document."""
    is_lines = format in LINES or name.endswith(".jsonl")
    return ("\n".join(map(json_of, content)) if is_lines else json_of(content)).encode("utf-8", "surrogateescape")


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """The place of each value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*above, key)
        yield from places(item, (*above, key))


@st.composite
def odd_files(draw: st.DrawFn, format: str) -> tuple[str, bytes]:
    """A file's name and its content, in which a few values or names are odd."""
    assert format in FORMATS
    name, content = draw(st.sampled_from(SHAPES[format]))
    content = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 4))):
        _change(draw, content)
    whole = file_of(format, name, content)
    cut = draw(st.none() | st.integers(0, len(whole)))
    return name, whole[:cut]


def _change(draw: st.DrawFn, content: Any) -> None:
    """Change a value, a name, or how often it occurs."""
    candidates = list(places(content))
    if not candidates:
        return
    place: list[Any] = list(draw(st.sampled_from(candidates)))
    key = place.pop()
    holder: Any = content
    for step in place:
        holder = holder[step]
    match draw(st.sampled_from(["put", "put", "put", "remove", "rename", "repeat"])):
        case "put":
            holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        case "remove":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[Text(draw(st.sampled_from(['"other"', '"history"', '"\\u0069d"', '"\\ud800"', "7"])))] = holder.pop(
                key
            )
        case "repeat" if isinstance(holder, dict):
            holder[Text(json.dumps(key))] = copy.deepcopy(draw(st.sampled_from(ODD)))
        case "repeat" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
