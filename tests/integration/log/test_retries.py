"""A retry is always safe: each append of the past is combined with each append of now."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.appending.plan import Outcome
from events.errors import IdConflict, KeyReused, WrongExpectedVersion
from events.models import Log
from events.types import STREAM_EXISTS, Append, Appended
from tests.support.conditions import make_condition
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read

WRITTEN = ("a", "b", "c")
"""The ids of one append: positions 2 to 4, versions 2 to 4 of its stream."""

REPLAYED: dict[str, tuple[str, ...]] = {
    "all": ("a", "b", "c"),
    "prefix": ("a", "b"),
    "suffix": ("b", "c"),
    "first": ("a",),
    "last": ("c",),
}
CONFLICTING: dict[str, tuple[str, ...]] = {
    "prefix and new": ("a", "b", "new"),
    "new and suffix": ("new", "b", "c"),
    "all and new": ("a", "b", "c", "new"),
    "reordered": ("b", "a", "c"),
    "reversed": ("c", "b", "a"),
    "with a gap": ("a", "c"),
    "all but the middle": ("a", "new", "c"),
}
EXPECTATIONS = {"any": None, "no_stream": 0, "stream_exists": STREAM_EXISTS, "as first": 1, "current": 4, "never": 9}


def events(stream: str, *ids: str, **changed: Any) -> list[dict[str, Any]]:
    return [{"id": f"{stream}:{each}", "data": f'"{each}"'.encode(), **changed} for each in ids]


async def write(append: AppendTo, stream: str, **fields: Any) -> int:
    """Append one event, then the events with the ids of `WRITTEN`; return the position before them."""
    [before] = await append(make_append(stream, *events(stream, "before")))
    await append(make_append(stream, *events(stream, *WRITTEN), expected_version=1, **fields))
    assert isinstance(before, Appended)
    return before.first_position


async def send(append: AppendTo, retry: Append, *, company: bool) -> Outcome:
    """Send an append, alone or between two others that must be written whatever happens to it."""
    if not company:
        [outcome] = await append(retry)
        return outcome
    before, outcome, after = await append(make_append(retry.stream), retry, make_append(retry.stream))
    assert isinstance(before, Appended)
    assert isinstance(after, Appended)
    return outcome


@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("ids", REPLAYED.values(), ids=REPLAYED.keys())
async def test_a_retry_returns_the_first_positions_whatever_it_expects(
    append: AppendTo, read: Read, ids: tuple[str, ...], company: bool
) -> None:
    for stream, expected in EXPECTATIONS.items():
        position = await write(append, stream)
        retry = make_append(stream, *events(stream, *ids), expected_version=expected)
        place = WRITTEN.index(ids[0])
        assert await send(append, retry, company=company) == Appended(
            stream, [event.id for event in retry.events], position + 1 + place, 2 + place, replayed=True
        )
    assert len(await read()) == (4 + 2 * company) * len(EXPECTATIONS)


@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("ids", CONFLICTING.values(), ids=CONFLICTING.keys())
async def test_a_partial_or_reordered_overlap_is_a_conflict_whatever_it_expects(
    append: AppendTo, read: Read, ids: tuple[str, ...], company: bool
) -> None:
    for stream, expected in EXPECTATIONS.items():
        await write(append, stream)
        retry = make_append(stream, *events(stream, *ids), expected_version=expected)
        assert isinstance(await send(append, retry, company=company), IdConflict), stream
    assert len(await read()) == (4 + 2 * company) * len(EXPECTATIONS)


@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize(
    "changed",
    [
        {"data": b"0"},
        {"metadata": b'{"a":1}'},
        {"type": "Other"},
        {"agent": "other"},
        {"schema_version": 2},
        {"correlation_id": "x"},
        {"causation_id": "x"},
        {"occurred_at": "2026-01-31T12:00:00Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_known_id_with_other_content_is_a_conflict_whatever_it_expects(
    append: AppendTo, read: Read, changed: dict[str, Any], company: bool
) -> None:
    for stream, expected in EXPECTATIONS.items():
        await write(append, stream)
        new_events = [*events(stream, "a"), *events(stream, "b", **changed), *events(stream, "c")]
        outcome = await send(append, make_append(stream, *new_events, expected_version=expected), company=company)
        assert isinstance(outcome, IdConflict), stream
    assert len(await read()) == (4 + 2 * company) * len(EXPECTATIONS)


async def test_known_ids_in_another_stream_are_a_conflict_whatever_they_expect(append: AppendTo, read: Read) -> None:
    for stream, expected in EXPECTATIONS.items():
        await write(append, stream)
        retry = make_append(f"other {stream}", *events(stream, *WRITTEN), expected_version=expected)
        assert isinstance(await send(append, retry, company=False), IdConflict), stream
    assert len(await read()) == 4 * len(EXPECTATIONS)


async def test_new_ids_stand_or_fall_with_what_they_expect(append: AppendTo) -> None:
    for stream, expected in EXPECTATIONS.items():
        await write(append, stream)
        new_append = make_append(stream, *events(stream, "x", "y"), expected_version=expected)
        met = stream in ("any", "stream_exists", "current")
        assert isinstance(await send(append, new_append, company=False), Appended if met else WrongExpectedVersion), (
            stream
        )


async def test_neighbours_written_by_several_appends_are_one_replay(append: AppendTo) -> None:
    """It counts that the events follow each other in the log, not which appends wrote them."""
    await append(make_append("s-1", *events("s", "a")), make_append("s-1", *events("s", "b")))
    [outcome] = await append(make_append("s-1", *events("s", "a", "b")))
    assert outcome == Appended("s-1", ["s:a", "s:b"], 1, 1, replayed=True)


async def test_events_with_another_between_them_are_no_replay(append: AppendTo) -> None:
    await append(
        make_append("s-1", *events("s", "a")),
        make_append("s-2", *events("s", "x")),
        make_append("s-1", *events("s", "b")),
    )
    [outcome] = await append(make_append("s-1", *events("s", "a", "b")))
    assert isinstance(outcome, IdConflict)


async def test_the_same_append_twice_in_one_request_is_written_once(append: AppendTo, read: Read) -> None:
    repeated = make_append("s-1", *events("s", "a"), expected_version=0)
    assert await append(repeated, repeated) == [
        Appended("s-1", ["s:a"], 1, 1),
        Appended("s-1", ["s:a"], 1, 1, replayed=True),
    ]
    assert len(await read()) == 1


async def test_a_key_sent_with_new_ids_replays_the_first_ids(append: AppendTo, read: Read) -> None:
    first = {"id": "a", "data": b"1"}
    await append(make_append("s-1", first, idempotency_key="k"))
    outcomes = await append(*[make_append("s-1", {**first, "id": str(n)}, idempotency_key="k") for n in range(3)])
    assert outcomes == [Appended("s-1", ["a"], 1, 1, replayed=True)] * 3
    assert len(await read()) == 1


# With redacted events


REDACTED = pytest.mark.parametrize("redacted", [("a",), ("b",), ("b", "c"), WRITTEN], ids="+".join)


async def write_and_redact(append: AppendTo, log: Log, redacted: tuple[str, ...]) -> int:
    """Append as `write` does, to `s-1` and with the key `k`, and redact some events; return the position before."""
    position = await write(append, "s-1", idempotency_key="k")
    for each in redacted:
        place = position + 1 + WRITTEN.index(each)
        await sync_to_async(redaction.redact)(log.pk, place, reason="a pin", by="ada")
    return position


def guessed(redacted: tuple[str, ...], *ids: str, **changed: Any) -> list[dict[str, Any]]:
    """The events with some ids; other data in those that were redacted."""
    return [
        event
        for each in ids
        for event in events("s-1", each, **({"data": b'"a guess"', "agent": "ada"} if each in redacted else changed))
    ]


@REDACTED
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("ids", REPLAYED.values(), ids=REPLAYED.keys())
async def test_a_retry_returns_the_first_positions_whatever_was_redacted(
    append: AppendTo, log: Log, ids: tuple[str, ...], redacted: tuple[str, ...], company: bool
) -> None:
    position = await write_and_redact(append, log, redacted)
    place = WRITTEN.index(ids[0])
    for retry in (make_append("s-1", *events("s-1", *ids)), make_append("s-1", *guessed(redacted, *ids))):
        assert await send(append, retry, company=company) == Appended(
            "s-1", [event.id for event in retry.events], position + 1 + place, 2 + place, replayed=True
        )


@REDACTED
@pytest.mark.parametrize("ids", CONFLICTING.values(), ids=CONFLICTING.keys())
async def test_a_partial_or_reordered_overlap_is_a_conflict_whatever_was_redacted(
    append: AppendTo, log: Log, ids: tuple[str, ...], redacted: tuple[str, ...]
) -> None:
    await write_and_redact(append, log, redacted)
    [outcome] = await append(make_append("s-1", *guessed(redacted, *ids)))
    assert isinstance(outcome, IdConflict)


@REDACTED
async def test_other_content_beside_a_redacted_event_is_a_conflict(
    append: AppendTo, log: Log, redacted: tuple[str, ...]
) -> None:
    await write_and_redact(append, log, redacted)
    changed = guessed(redacted, *WRITTEN, metadata=b'{"a":1}')
    by_id, by_key = await append(
        make_append("s-1", *changed),
        make_append("s-1", *({**event, "id": f"new {event['id']}"} for event in changed), idempotency_key="k"),
    )
    is_all = redacted == WRITTEN
    assert isinstance(by_id, Appended if is_all else IdConflict)
    assert isinstance(by_key, Appended if is_all else KeyReused)


@REDACTED
async def test_a_key_replays_the_first_ids_whatever_was_redacted(
    append: AppendTo, log: Log, redacted: tuple[str, ...]
) -> None:
    position = await write_and_redact(append, log, redacted)
    for sent in (events("s-1", *WRITTEN), guessed(redacted, *WRITTEN)):
        [outcome] = await append(
            make_append("s-1", *({**event, "id": f"new {event['id']}"} for event in sent), idempotency_key="k")
        )
        assert outcome == Appended("s-1", [f"s-1:{each}" for each in WRITTEN], position + 1, 2, replayed=True)
    for ids in (*REPLAYED.values(), *CONFLICTING.values()):
        if len(ids) != len(WRITTEN):
            [outcome] = await append(make_append("s-1", *guessed(redacted, *ids), idempotency_key="k"))
            assert isinstance(outcome, KeyReused), ids


# With tags and conditions


@pytest.mark.parametrize("tags", [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"]])
async def test_tags_in_another_order_are_the_same_content(append: AppendTo, tags: list[str]) -> None:
    await append(make_append("s-1", *events("s-1", *WRITTEN, tags=["b", "c", "a"]), idempotency_key="k"))
    retried = events("s-1", *WRITTEN, tags=tags)
    for retry in (make_append("s-1", *retried), make_append("s-1", *retried, idempotency_key="k")):
        [outcome] = await append(retry)
        assert outcome == Appended("s-1", [f"s-1:{each}" for each in WRITTEN], 1, 1, replayed=True)


@pytest.mark.parametrize("tags", [[], ["a"], ["a", "b"], ["a", "b", "C"], ["a", "b", "c", "d"]], ids="-".join)
async def test_other_tags_are_other_content(append: AppendTo, tags: list[str]) -> None:
    await append(make_append("s-1", *events("s-1", *WRITTEN, tags=["a", "b", "c"]), idempotency_key="k"))
    changed = events("s-1", *WRITTEN, tags=tags)
    by_id, by_key = await append(make_append("s-1", *changed), make_append("s-1", *changed, idempotency_key="k"))
    assert isinstance(by_id, IdConflict)
    assert isinstance(by_key, KeyReused)


CONDITIONS = pytest.mark.parametrize("query", ["type:Nothing", "", "stream:s-1", 'data:"b"', "data.nothing:1"])


@CONDITIONS
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("ids", REPLAYED.values(), ids=REPLAYED.keys())
async def test_a_retry_returns_the_first_positions_whatever_its_condition(
    append: AppendTo, ids: tuple[str, ...], query: str, company: bool
) -> None:
    position = await write(append, "s-1")
    retry = make_append("s-1", *events("s-1", *ids), guards=(make_condition(query),))
    place = WRITTEN.index(ids[0])
    assert await send(append, retry, company=company) == Appended(
        "s-1", [event.id for event in retry.events], position + 1 + place, 2 + place, replayed=True
    )


@CONDITIONS
@pytest.mark.parametrize("ids", CONFLICTING.values(), ids=CONFLICTING.keys())
async def test_a_partial_or_reordered_overlap_is_a_conflict_whatever_its_condition(
    append: AppendTo, ids: tuple[str, ...], query: str
) -> None:
    await write(append, "s-1")
    retry = make_append("s-1", *events("s-1", *ids), guards=(make_condition(query),))
    assert isinstance(await send(append, retry, company=True), IdConflict)
