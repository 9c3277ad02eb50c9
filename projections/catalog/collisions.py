"""The projection `collisions`: lost updates, where a writer had not seen the value that it overwrote.

An event writes the keys that `latest` merges: those of its data. It *overwrites* a key if another agent wrote the key
last, with another value. The log has three kinds of evidence that the writer had seen this value:

- `expected_version`: an append that was accepted at version n had seen its stream up to n (the events from there up to
  itself are of the same append);
- `read_position`: the writer's statement that it had read the log up to this position, and no further;
- the chain of causes: the cause of an event happened before it, and so did everything that the cause's writer had seen.

The first two are statements of the writer itself; the chain is hearsay. So a value that the writer had seen itself is
no collision. A read position before the overwritten event is a **lost update**; if the chain contradicts it, it is
only **possible**. Without a read position a collision is possible if the key is *guarded* (an earlier writer of the key
had sent a read position), unless the chain shows that the value was seen. If nobody ever sends one, as in telemetry,
there is no evidence at all: the overwriting is only counted (`unjudged`). An agent may know nothing of its own earlier
events, in another task or after a restart, so they count like anybody's. An event without an agent may be anybody's, so
it is never more than possible. A message of a conversation (content in a role) overwrites nothing: it follows the
others, and does not replace them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import islice
from typing import Any

from events.types import REDACTED, Event
from projections import Decoded, Json, Projection
from projections.catalog.latest import said
from projections.catalog.messages import is_message
from projections.values.diff import equal

_FOUND = 100
"""Most lost updates, and most possible ones, that are listed: the newest. The counts include all."""
_KEYS = 500
"""Most keys of a stream that are remembered: those written last."""
_STREAMS = 500
"""Most streams that are remembered if several are folded into one state: those written last."""
_CHAIN = 200
"""Most events through which causes are followed."""
_VALUE = 2_000
"""Most characters and items of a value that is kept; a longer one stands in its event alone."""

collisions = Projection(
    "collisions",
    about=(
        "Updates that were lost: one agent overwrote what another had written, and had not seen it."
        " “lost” where the log proves it, “possible” where others said what they had read and it did not."
    ),
    version=3,
    initial={
        "lost": 0,
        "possible": 0,
        "unjudged": 0,
        "lost_updates": [],
        "possible_ones": [],
        "forgotten_keys": 0,
        "written": {},
        "chain": {},
    },
    materialised=True,
)


@collisions.on("*")
def look(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Compare the values of an event with the last writers of their keys, then remember them."""
    if happened.type == REDACTED:
        return state
    written = state["written"].get(happened.stream, {})
    mine = {} if is_message(happened) else {key: _kept(value) for key, value in said(happened.data).items()}
    event = happened.event
    after = _remember(state, mine, happened) | {"chain": _linked(state["chain"], happened)}
    if event.expected_version is not None and event.expected_version >= 0:
        return after
    for key, value in mine.items():
        theirs = written.get(key)
        if theirs and _of_two_agents(event.agent, theirs["agent"]) and not equal(theirs["value"], value):
            after = _judge(after, happened, key, value, theirs)
    return after


def _judge(state: dict[str, Any], happened: Decoded, key: str, value: Json, theirs: dict[str, Any]) -> dict[str, Any]:
    """Return the state with a collision added, if overwriting `theirs` is one."""
    verdict, because = _verdict(state["chain"], happened, theirs)
    if verdict is None or verdict == "unjudged":
        return state if verdict is None else {**state, verdict: state[verdict] + 1}
    event = happened.event
    found: Json = {
        "id": f"{event.position}/{key}",
        "verdict": "lost update" if verdict == "lost" else "possible",
        "stream": event.stream,
        "key": key,
        "overwritten": {name: each for name, each in theirs.items() if name != "guarded"},
        "by": _writer(happened) | {"value": value},
        "because": because,
    }
    listed = "lost_updates" if verdict == "lost" else "possible_ones"
    return {**state, verdict: state[verdict] + 1, listed: [*state[listed][1 - _FOUND :], found]}


def _of_two_agents(one: str | None, other: str | None) -> bool:
    """Whether two events may have different agents: an event without an agent may be anybody's."""
    return one != other or one is None


def _verdict(chain: dict[str, Any], happened: Decoded, theirs: dict[str, Any]) -> tuple[str | None, str]:
    """Return `lost`, `possible`, `unjudged` or None (the value was seen), and the reason in words."""
    event, overwritten = happened.event, theirs["position"]
    had_read = event.read_position
    if (had_read is not None and had_read >= overwritten) or event.causation_id == theirs["event"]:
        return None, ""
    followed = _follows(chain, event, theirs)
    if had_read is None:
        silent = f"{event.agent or 'its writer'} did not say how far it had read"
        if followed:
            return None, ""
        verdict = "possible" if theirs.get("guarded") else "unjudged"
        return verdict, f"{silent}, and {overwritten} is not among its causes"
    read = f"{event.agent or 'its writer'} had read up to {had_read}, before {overwritten}"
    if followed:
        return "possible", f"{read}; but what it reacted to follows from {overwritten}"
    if event.agent is None or theirs["agent"] is None:
        return "possible", f"{read}; but one of the two has no agent"
    return "lost", read


def _follows(chain: dict[str, Any], event: Event, theirs: dict[str, Any]) -> bool:
    """Whether an event follows from an earlier one: that one is among its causes, or was seen by one of them.

    A cause is older than its effect: an event that names a newer one, or itself, would lead round in circles.
    """
    cause, position = event.causation_id, event.position
    while cause is not None and cause != theirs["event"]:
        link = chain.get(cause)
        if link is None or not theirs["position"] <= link[0] < position:
            return False
        position, cause, seen_stream, had_read = link
        if had_read >= theirs["position"] or seen_stream == event.stream:
            return True
    return cause is not None


def _linked(chain: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Return the chain with this event, if it has evidence to follow.

    A link has the event's position, its cause, the stream that it had seen up to itself, and its read position.
    """
    event = happened.event
    saw_stream = event.expected_version is not None and event.expected_version >= 0
    if event.causation_id is None and event.read_position is None and not saw_stream:
        return chain
    link = [event.position, event.causation_id, event.stream if saw_stream else None, event.read_position or 0]
    longer = {**chain, event.id: link}
    if len(longer) > _CHAIN:
        del longer[next(iter(longer))]
    return longer


def _remember(state: dict[str, Any], mine: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Return the state with the last writer of each key. The oldest writes stand first, and are forgotten first."""
    who = _writer(happened)
    others = dict(state["written"])
    before = others.pop(happened.stream, {})
    keys = {key: theirs for key, theirs in before.items() if key not in mine}
    says_what_it_read = _says_what_it_read(happened)
    for key, value in mine.items():
        is_guarded = says_what_it_read or "guarded" in before.get(key, ())
        keys[key] = who | {"value": value} | ({"guarded": True} if is_guarded else {})
    streams, gone = _newest(others | {happened.stream: _newest(keys, _KEYS)[0]}, _STREAMS)
    forgotten = max(0, len(keys) - _KEYS) + sum(map(len, gone))
    return {**state, "written": streams, "forgotten_keys": state["forgotten_keys"] + forgotten}


def _newest(items: dict[str, Any], most: int) -> tuple[dict[str, Any], list[Any]]:
    """Return the last `most` items, and the values of the items that were dropped."""
    excess = len(items) - most
    if excess <= 0:
        return items, []
    return dict(islice(items.items(), excess, None)), list(islice(items.values(), excess))


def _says_what_it_read(happened: Decoded) -> bool:
    """Whether a writer states what it had read. (To expect a new stream is no such statement.)"""
    event = happened.event
    return event.read_position is not None or (event.expected_version or 0) > 0


def _writer(happened: Decoded) -> dict[str, Any]:
    event = happened.event
    return {"position": event.position, "version": event.version, "event": event.id, "agent": event.agent}


def _kept(value: Json) -> Json:
    """Return the value; a large one as its digest, so that equal values stay equal."""
    if _room_left(value, _VALUE) >= 0:
        return value
    text = json.dumps(value, sort_keys=True, default=str)
    return {"too large to keep here": f"{len(text):,} characters", "sha256": sha256(text.encode()).hexdigest()}


def _room_left(value: Json, room: int) -> int:
    """Return how much of the `room` for characters and items a value leaves; the count stops when nothing is left."""
    if isinstance(value, str):
        return room - len(value)
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if room < 0:
            break
        room = _room_left(part, room - 1 - (len(key) if isinstance(key, str) else 0))
    return room
