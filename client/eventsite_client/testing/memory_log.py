"""A log in memory, with the rules of a server for appends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from eventsite_client._core.ids import new_id
from eventsite_client.testing.query import matcher

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTENT = ("type", "data", "metadata", "agent", "schema_version", "correlation_id", "causation_id", "occurred_at")
_OPTIONAL: dict[str, Any] = {
    "metadata": {},
    "agent": None,
    "schema_version": 1,
    "correlation_id": None,
    "causation_id": None,
    "occurred_at": None,
    "tags": [],
}
_MAX_CHARACTERS = 200
_MAX_TAGS = 16


class Problem(Exception):
    """A request that is refused, as a server would refuse it."""

    def __init__(self, status: int, code: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": f"urn:eventsite:{code}", "title": code, "status": status, "detail": detail, "code": code}
        self.body.update(members)


class MemoryLog:
    """Events in their order, as the API writes them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._by_id: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, list[dict[str, Any]]] = {}

    def version(self, stream: str) -> int:
        """Return the last version of a stream; 0 without events."""
        return sum(event["stream"] == stream for event in self.events)

    def append(self, stream: str, body: dict[str, Any], check: Callable[[], None]) -> Any:
        """Append the events of a body, and return the answer. `check` looks at its guards, if it is not there yet.

        Raises:
            Problem: a server would refuse the append.
        """
        check_stream(stream)
        drafts = [_draft(stream, event, f"events[{n}]") for n, event in enumerate(body["events"])]
        if (replay := self._replay(stream, drafts, body.get("idempotency_key"))) is not None:
            return _answer(stream, replay, version=replay[-1]["version"], replayed=True)
        self._check_version(stream, body.get("expected_version", "any"))
        check()
        return _answer(stream, *self._write(stream, drafts, body.get("idempotency_key")), replayed=False)

    def _write(self, stream: str, drafts: list[dict[str, Any]], key: str | None) -> tuple[list[dict[str, Any]], int]:
        version = self.version(stream)
        for draft in drafts:
            version += 1
            id = draft["id"] or new_id()
            now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
            draft |= {"position": len(self.events) + 1, "version": version, "id": id, "recorded_at": now}
            self.events.append(draft)
            self._by_id[id] = draft
        if key is not None:
            self._keys[key] = drafts
        return drafts, version

    def _replay(self, stream: str, drafts: list[dict[str, Any]], key: str | None) -> list[dict[str, Any]] | None:
        if key is not None and (events := self._keys.get(key)) is not None:
            if not _are_alike(events, drafts):
                raise Problem(422, "key-reused", "The idempotency key covered other events.")
            return events
        originals = [self._by_id.get(draft["id"]) for draft in drafts]
        events = [event for event in originals if event is not None]
        if not events:
            return None
        positions = [event["position"] for event in events]
        in_row = positions == list(range(positions[0], positions[0] + len(drafts)))
        if not in_row or not _are_alike(events, drafts):
            raise Problem(409, "id-conflict", f"An event of {stream!r} is in the log with other content.")
        return events

    def _check_version(self, stream: str, expected: Any) -> None:
        current = self.version(stream)
        fits = {"any": True, "no_stream": current == 0, "stream_exists": current > 0}.get(expected, current == expected)
        if not fits:
            members = {"expected_version": 0 if expected == "no_stream" else expected, "current_version": current}
            raise Problem(409, "wrong-expected-version", f"{stream!r} is at version {current}.", **members)

    def check(self, condition: dict[str, Any], end: int) -> None:
        """Check that no event up to the `end` stands against a condition. Raises `Problem` if one does."""
        fits, after = matcher(condition["q"]), condition["none_after"]
        for event in self.events[after:end]:
            if fits(event):
                detail = f"The event at position {event['position']} fits the condition's query and came after {after}."
                place = {name: event[name] for name in ("position", "stream", "type", "id")}
                raise Problem(409, "condition-failed", detail, none_after=after, event=place)


def _draft(stream: str, event: dict[str, Any], field: str) -> dict[str, Any]:
    for name in ("type", "id", "agent", "correlation_id", "causation_id"):
        if event.get(name) is not None:
            check_name(event[name], f"{field}.{name}")
    tags = event.get("tags", [])
    if len(tags) > _MAX_TAGS or len(set(tags)) < len(tags):
        raise Problem(422, "invalid", f"{field}.tags: up to {_MAX_TAGS} different names.", field=f"{field}.tags")
    return {**_OPTIONAL, "id": None, **event, "stream": stream}


def check_name(text: str, field: str) -> None:
    """Check a name. Raises `Problem` for one that a server refuses."""
    if not 1 <= len(text) <= _MAX_CHARACTERS or _CONTROL.search(text):
        raise Problem(422, "invalid", f"{field} must have 1 to 200 characters, and no control characters.", field=field)


def check_stream(name: str) -> None:
    """Check the name of a stream. Raises `Problem` for one that a server refuses."""
    check_name(name, "stream")
    if {".", ".."} & set(name.split("/")) or name.endswith("/events"):
        raise Problem(422, "invalid", "stream must not have a `.` or `..` segment.", field="stream")
    if name.startswith("eventsite-"):
        raise Problem(403, "reserved-stream", f"Only the server appends to {name!r}.", stream=name)


def _are_alike(events: list[dict[str, Any]], drafts: list[dict[str, Any]]) -> bool:
    return [_content(event) for event in events] == [_content(draft) for draft in drafts]


def _content(event: dict[str, Any]) -> list[Any]:
    return [event["stream"], sorted(event["tags"]), *(event[name] for name in _CONTENT)]


def _answer(stream: str, events: list[dict[str, Any]], version: int, *, replayed: bool) -> dict[str, Any]:
    return {
        "log": "fake",
        "stream": stream,
        "first_position": events[0]["position"],
        "last_position": events[-1]["position"],
        "version": version,
        "replayed": replayed,
        "events": [{name: event[name] for name in ("id", "position", "version")} for event in events],
    }
