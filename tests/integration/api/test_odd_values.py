"""Every operation of the description accepts or refuses any value: none answers 500."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from eventsite.api import api as described
from projections.api import operations as projections_api
from tests.support.api import EVENT
from tests.support.odd_values import ENCODED, HEADERS

PATHS: dict[str, dict[str, Any]] = described.get_openapi_schema(path_prefix="/api/")["paths"]
OPERATIONS = [(method, path) for path, operations in PATHS.items() for method in operations]
SOUND = {
    "stream": "order-1",
    "agent": "planner",
    "workflow": "run-1",
    "position": "1",
    "projection": "latest",
    "job": "1",
    "kind": "stream",
    "subscription": "work",
    "dead_letter": "work:1",
}
NEEDED = {"name": "order-1", "key": "order-1", "from": "0", "to": "1", "pointer": "/a"}
"""The parameters that some operations require."""


def odd_requests(method: str, path: str) -> list[tuple[str, dict[str, str]]]:
    """Addresses and headers; each has one odd value."""
    every = [(each["name"], each["in"]) for each in PATHS[path][method].get("parameters", [])]
    needed = {name: value for name, value in NEEDED.items() if (name, "query") in every}
    if {"to", "pointer"} <= needed.keys():
        del needed["to"]
    sound = path.format(**SOUND)
    requests: list[tuple[str, dict[str, str]]] = []
    for name, place in every:
        others = "&".join(f"{other}={value}" for other, value in needed.items() if other != name)
        if place == "path":
            requests += [(f"{path.format(**SOUND | {name: value})}?{others}", {}) for value in ENCODED]
        elif place == "query":
            requests += [(f"{sound}?{others}&{name}={value}", {}) for value in ENCODED]
        else:
            more = {"Accept": "text/event-stream"} if name == "Last-Event-ID" else {}
            requests += [(f"{sound}?{others}", {name: value, **more}) for value in HEADERS if value != "" or not more]
    return requests


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_an_operation_takes_or_refuses_any_value(
    api: httpx2.AsyncClient, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_api, "_PATIENCE_SECONDS", 0.0)
    for _ in range(3):
        await api.post("/api/streams/order-1/events", json={"events": [EVENT]})
    for address, headers in odd_requests(method, path):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await api.request(method, address, headers=raw)
        assert answer.status_code < 500 or answer.json()["code"] == "behind", (address, headers, answer.text)
