"""States and replays of the projection `latest` in memory, with the rules of a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from eventsite_client.testing.memory_log import MemoryLog, Problem
from eventsite_client.testing.query import NotInFake, matcher

Json = Any
Params = dict[str, str]

_SOURCES = {"stream": "stream", "workflow": "correlation_id", "agent": "agent", "type": "type"}
_MOMENTS = ("position", "version", "time")
_MAX_HISTORY = 12
_MISSING = object()


class States:
    """The states of streams, and the replays of some events, folded by `latest`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def state(self, params: Params) -> Json:
        """Return a state at a moment."""
        _check(params, "key", "wait_for_position", *(f"at_{name}" for name in _MOMENTS))
        state, moment = self._state(params["key"], self._position(params, "at"))
        return {"projection": "latest", "key": params["key"], "state": state, **moment, "stale": None}

    def states(self, params: Params) -> Json:
        """Return a page of states, in the order of their keys."""
        _check(params, "q", "prefix", "after", "limit", "wait_for_position")
        fits, prefix = matcher(params.get("q", ""), parts=("state",)), params.get("prefix", "")
        keys = sorted({event["stream"] for event in self._log.events if event["stream"].startswith(prefix)})
        page = [key for key in keys if key > params.get("after", "")][: int(params["limit"])]
        states = []
        for key in page:
            state, moment = self._state(key, len(self._log.events))
            if fits({"state": state}):
                states.append({"key": key, "state": state, **moment, "error": None, "error_position": None})
        return {"states": states, "next": page[-1] if page and page[-1] != keys[-1] else None}

    def diff(self, params: Params) -> Json:
        """Return the changes of a state between two moments."""
        _check(params, "key", *(f"{side}_{name}" for side in ("from", "to") for name in _MOMENTS))
        is_from_beginning = not any(name.startswith("from_") for name in params)
        begin = 0 if is_from_beginning else self._position(params, "from")
        before, first = self._state(params["key"], begin)
        after, last = self._state(params["key"], self._position(params, "to"))
        changes = list(_changes(before, after, ""))
        return {"projection": "latest", "key": params["key"], "from": first, "to": last, "changes": changes}

    def why(self, kind: str, params: Params) -> Json:
        """Return the history of the value at a pointer."""
        _check(params, "by", "place", "pointer", "name", "q")
        pointer, place = params["pointer"], int(params.get("place", len(self._log.events)))
        steps = [step for step in self._steps(kind, params) if step["place"] <= place]
        last = steps[-1] if steps else {"place": 0, "position": 0, "state": {}}
        value = _value_at(last["state"], pointer)
        touches, before = [], _MISSING
        for step in steps:
            after = _value_at(step["state"], pointer)
            if changes := list(_changes(before, after, pointer)):
                n = None if kind == "query" else step["n"]
                touches.append({"place": step["place"], "n": n, "pointer": pointer, "event": _brief(step)})
                touches[-1]["changes"] = changes
            before = after
        earlier = [touch["place"] for touch in touches if touch["place"] < last["place"]]
        later_steps = [step for step in self._steps(kind, params) if step["place"] > place]
        later = (step["place"] for step in later_steps if any(_changes(value, _value_at(step["state"], pointer), "")))
        return {
            "place": last["place"],
            "position": last["position"],
            "pointer": pointer,
            "found": value is not _MISSING,
            "value": None if value is _MISSING else value,
            "history": touches[::-1][:_MAX_HISTORY],
            "more": max(0, len(touches) - _MAX_HISTORY),
            "previous": earlier[-1] if earlier else None,
            "next": next(later, None),
        }

    def seek(self, kind: str, params: Params) -> Json:
        """Return the next step, or the previous one, that fits a query over event and state."""
        _check(params, "by", "place", "to", "direction", "name", "q")
        fits = matcher(params["to"], parts=("data", "metadata", "state"))
        steps = list(self._steps(kind, params))
        if params.get("direction") == "backward":
            start = int(params.get("place", len(self._log.events) + 1))
            steps = [step for step in steps[::-1] if step["place"] < start]
            end = 0
        else:
            start = int(params.get("place", 0))
            steps = [step for step in steps if step["place"] > start]
            end = steps[-1]["place"] if steps else start
        step = next((step for step in steps if fits(step)), None)
        place = None if step is None else step["place"]
        event = None if step is None else _brief(step)
        return {"place": place, "event": event, "searched_to": end if place is None else place, "error_position": None}

    def _steps(self, kind: str, params: Params) -> Iterator[dict[str, Json]]:
        """Yield the events of a source, each with its place and the state after it."""
        if params.get("by") != "latest" or kind not in (*_SOURCES, "query", "log"):
            raise NotInFake("The fake replays streams, workflows, agents, types, queries and the log, by `latest`.")
        fits = matcher(params.get("q", ""))
        state: dict[str, Json] = {}
        n = 0
        for event in self._log.events:
            if fits(event) and (kind not in _SOURCES or event[_SOURCES[kind]] == params["name"]):
                state, n = _folded(state, event), n + 1
                yield {**event, "state": state, "n": n, "place": event["version" if kind == "stream" else "position"]}

    def _state(self, key: str, position: int) -> tuple[dict[str, Json], dict[str, int]]:
        """Return the state of a stream up to a position, and its moment."""
        events = [event for event in self._log.events[:position] if event["stream"] == key]
        state: dict[str, Json] = {}
        for event in events:
            state = _folded(state, event)
        last = events[-1] if events else {"position": 0, "version": 0}
        return state, {"position": last["position"], "version": last["version"], "events": len(events)}

    def _position(self, params: Params, side: str) -> int:
        """Return the last position that belongs to a moment."""
        names = [name for name in _MOMENTS if f"{side}_{name}" in params]
        if len(names) > 1:
            raise Problem(422, "invalid", f"One of {side}_{' and '.join(names)}.", field=f"{side}_{names[0]}")
        if not names:
            return len(self._log.events)
        field = f"{side}_{names[0]}"
        if names == ["time"]:
            time = _time_of(params[field])
            return sum(_time_of(event["recorded_at"]) <= time for event in self._log.events)
        number = int(params[field])
        if names == ["version"]:
            events = [event for event in self._log.events if event["stream"] == params["key"]]
        else:
            events = self._log.events
        if number > len(events):
            raise Problem(422, "invalid", f"There is no {names[0]} {number} yet.", field=field)
        return int(events[number - 1]["position"]) if number else 0


def _check(params: Params, *names: str) -> None:
    if unknown := params.keys() - set(names):
        raise NotInFake(f"The fake has no {', '.join(sorted(unknown))} of states.")


def _folded(state: dict[str, Json], event: dict[str, Json]) -> dict[str, Json]:
    data = event["data"]
    return {**state, **(data if isinstance(data, dict) else {"value": data})}


def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _brief(step: dict[str, Json]) -> dict[str, Json]:
    names = ("position", "stream", "version", "id", "type", "agent")
    return {**{name: step[name] for name in names}, "at": step["occurred_at"] or step["recorded_at"]}


def _value_at(value: Json, pointer: str) -> Json:
    for part in pointer.split("/")[1:]:
        if isinstance(value, list):
            raise NotInFake("The fake has no history of items of arrays.")
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _changes(before: Json, after: Json, path: str) -> Iterator[dict[str, Json]]:
    """Yield the operations of JSON Patch that make one value of the other."""
    if before is _MISSING or after is _MISSING:
        if after is not _MISSING:
            yield {"op": "add", "path": path, "value": after}
        elif before is not _MISSING:
            yield {"op": "remove", "path": path, "old": before}
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            part = name.replace("~", "~0").replace("/", "~1")
            yield from _changes(before.get(name, _MISSING), after.get(name, _MISSING), f"{path}/{part}")
    elif msgspec.json.encode(before) != msgspec.json.encode(after):
        if isinstance(before, list) and isinstance(after, list):
            raise NotInFake("The fake does not compare arrays.")
        yield {"op": "replace", "path": path, "value": after, "old": before}
