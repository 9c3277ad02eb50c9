"""The parameters of `append_events()` for a planned flush, and the outcomes from its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from events.appending.plan import KnownEvent, KnownKey, LookUp, Plan, Request
from events.types import Append, Appended, NewEvent

_SEPARATOR = "\x1f"
_NULL = "\x1e"


def join(values: Iterable[str]) -> str:
    """Return a list as one text, which the functions in the database take."""
    return _SEPARATOR.join(values)


def join_nullable(values: Iterable[object]) -> str:
    return _SEPARATOR.join([_NULL if value is None else str(value) for value in values])


def append_parameters(log_id: int, plan: Plan) -> list[object]:
    """Return the parameters of `append_events()`, in its order."""
    places = {name: place for place, name in enumerate(plan.streams, 1)}
    counts: Counter[str] = Counter()
    streams: list[str] = []
    sequence: list[str] = []
    expected_versions: list[int | None] = []
    read_positions: list[int | None] = []
    events: list[NewEvent] = []
    keys: list[tuple[str, str, str, str]] = []
    for request, index in plan.accepted:
        append = request.appends[index]
        first, count = counts[append.stream], len(append.events)
        counts[append.stream] += count
        streams += [str(places[append.stream])] * count
        sequence += map(str, range(first + 1, first + count + 1))
        expected_versions += [append.expected_version] * count
        read_positions += [append.read_position] * count
        events += append.events
        if append.idempotency_key is not None and append.fingerprint is not None:
            last = len(events)
            keys.append((append.idempotency_key, append.fingerprint.hex(), str(last - count + 1), str(last)))
    return [
        log_id,
        join(plan.streams),
        join_nullable(stream.needed_version for stream in plan.streams.values()),
        join(streams),
        join(sequence),
        *_columns(events),
        join_nullable(expected_versions),
        join_nullable(read_positions),
        join([event.digest.hex() for event in events]),
        *(map(join, zip(*keys, strict=True)) if keys else ("", "", "", "")),
    ]


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


def look_up_result(rows: Iterable[tuple[str, str, int, int, str, bytes, list[str]]]) -> LookUp:
    """Return the rows of `look_up()` as a `LookUp`."""
    look_up = LookUp()
    for kind, name, position, version, stream, digest, ids in rows:
        if kind == "stream":
            look_up.versions[name] = version
        elif kind == "event":
            look_up.events[name] = KnownEvent(position=position, version=version, digest=bytes(digest))
        else:
            look_up.keys[name] = KnownKey(
                stream=stream, fingerprint=bytes(digest), first_position=position, first_version=version, ids=ids
            )
    return look_up
