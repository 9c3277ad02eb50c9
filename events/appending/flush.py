"""The parameters of `append_events()` for a planned flush, and the outcomes from its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from events.appending.guards import GuardedAppend, guards_parameter
from events.appending.names import LatestNames
from events.appending.plan import KnownEvent, KnownKey, LookUp, Plan, Request
from events.commitment import new_salts, salted
from events.types import Append, Appended, NewEvent

_SEPARATOR = "\x1f"
_NULL = "\x1e"
_TAG_SEPARATOR = "\x1d"


def join(values: Iterable[str]) -> str:
    """Return a list as one text, which the functions in the database take."""
    return _SEPARATOR.join(values)


def join_nullable(values: Iterable[object]) -> str:
    return _SEPARATOR.join([_NULL if value is None else str(value) for value in values])


def append_parameters(log_id: int, plan: Plan, *, rules_at: int = 0, names: LatestNames | None = None) -> list[object]:
    """Return the parameters of `append_events()`, in its order.

    The log's rules are known up to `rules_at`, and the names of its last events are `names`.
    """
    places = {name: place for place, name in enumerate(plan.streams, 1)}
    counts: Counter[str] = Counter()
    streams: list[str] = []
    sequence: list[str] = []
    expected_versions: list[int | None] = []
    read_positions: list[int | None] = []
    events: list[NewEvent] = []
    keys: list[_Key] = []
    guarded: list[GuardedAppend] = []
    for request, index in plan.accepted:
        append = request.appends[index]
        first, count = counts[append.stream], len(append.events)
        counts[append.stream] += count
        streams += [str(places[append.stream])] * count
        sequence += map(str, range(first + 1, first + count + 1))
        expected_versions += [append.expected_version] * count
        read_positions += [append.read_position] * count
        events += append.events
        guarded.append(GuardedAppend(append, len(events) - count + 1, len(events)))
        if append.idempotency_key is not None and append.fingerprint is not None:
            keys.append(_Key(append.idempotency_key, append.fingerprint, len(events) - count + 1, len(events)))
    return [
        log_id,
        rules_at,
        guards_parameter(guarded, names),
        join(plan.streams),
        join_nullable(stream.needed_version for stream in plan.streams.values()),
        join(streams),
        join(sequence),
        *_columns(events),
        join_nullable(expected_versions),
        join_nullable(read_positions),
        *_digests([event.digest for event in events]),
        _tags(events),
        *_key_columns(keys),
    ]


class _Key(NamedTuple):
    """An idempotency key of a flush; `first` and `last` are the places of its events in the flush, from 1."""

    name: str
    fingerprint: bytes
    first: int
    last: int


def _key_columns(keys: Sequence[_Key]) -> list[str]:
    """Return the keys, each field as one text."""
    if not keys:
        return [""] * 5
    return [
        join([key.name for key in keys]),
        *_digests([key.fingerprint for key in keys]),
        join([str(key.first) for key in keys]),
        join([str(key.last) for key in keys]),
    ]


def _digests(digests: Sequence[bytes]) -> tuple[str, str]:
    """Return a new salt for each digest, and the salted digests, in hexadecimal."""
    salts = new_salts(len(digests))
    return (
        join([salt.hex() for salt in salts]),
        join([salted(*pair).hex() for pair in zip(salts, digests, strict=True)]),
    )


def _tags(events: Sequence[NewEvent]) -> str:
    """Return the tags of the events as one text, which is empty if no event has any."""
    if not any(event.tags for event in events):
        return ""
    return join([join_tags(event.tags) or _NULL for event in events])


def join_tags(tags: Iterable[str]) -> str:
    return _TAG_SEPARATOR.join(tags)


def _columns(events: Sequence[NewEvent]) -> list[object]:
    """Return the events' own fields, each as one text, in the order of `append_events()`."""
    return [
        join([event.id for event in events]),
        join([event.type for event in events]),
        join([event.data for event in events]),
        join([event.metadata for event in events]),
        join_nullable([event.agent for event in events]),
        join([str(event.schema_version) for event in events]),
        join_nullable([event.correlation_id for event in events]),
        join_nullable([event.causation_id for event in events]),
        join_nullable([event.occurred_at for event in events]),
    ]


def settle(plan: Plan, first_position: int, base_versions: Sequence[int]) -> None:
    """Set the outcome of every append of a committed flush: its place."""
    versions = dict(zip(plan.streams, base_versions, strict=True))
    position = first_position
    for request, index in plan.accepted:
        append = request.appends[index]
        request.outcomes[index] = Appended(
            stream=append.stream,
            ids=[event.id for event in append.events],
            first_position=position,
            first_version=versions[append.stream] + 1,
        )
        position += len(append.events)
        versions[append.stream] += len(append.events)


def settle_refusals(plan: Plan, refusals: Iterable[Mapping[str, Any]]) -> None:
    """Answer the appends that a guard refused; those with a guard that looks too far need a check."""
    for refusal in refusals:
        request, index = plan.accepted[refusal["append"]]
        if "far" in refusal:
            request.needs_check = True
            continue
        error = request.appends[index].guards[refusal["guard"]].error(refusal)
        if request.atomic:
            request.fail(error)
        else:
            request.outcomes[index] = error


def look_up_parameters(log_id: int, requests: Sequence[Request]) -> dict[str, object]:
    """Return the parameters of `look_up()`."""
    appends: list[Append] = [
        append
        for request in requests
        for append, outcome in zip(request.appends, request.outcomes, strict=True)
        if outcome is None
    ]
    return {
        "p_log": log_id,
        "p_names": join({append.stream for append in appends}),
        "p_ids": join({event.id for append in appends for event in append.events}),
        "p_keys": join({append.idempotency_key for append in appends if append.idempotency_key is not None}),
    }


def look_up_result(rows: Iterable[Sequence[Any]]) -> LookUp:
    """Return the rows of `look_up()` as a `LookUp`."""
    look_up = LookUp()
    for kind, name, position, version, stream, type, salt, digest, ids, *events in rows:
        if kind == "rules":
            look_up.rules_at = position
        elif kind == "stream":
            look_up.versions[name] = version
        elif kind == "event":
            look_up.events[name] = KnownEvent(position, version, stream, type, salt, digest)
        else:
            known_events = [
                KnownEvent(position + place, version + place, stream, *event)
                for place, event in enumerate(zip(*events, strict=True))
            ]
            look_up.keys[name] = KnownKey(stream, salt, digest, ids, known_events)
    return look_up
