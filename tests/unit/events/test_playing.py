"""Playing a run: its pauses, and the events that it appends."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from events.api.schemas import AppendOut, PlacedOut
from events.client import Api, ClientError
from events.transfer.importers.base import Record
from events.transfer.playing import Playing, pauses
from tests.support.factories import make_event


def record(id: str = "1", stream: str = "run-1", **fields: Any) -> Record:
    return Record("a.jsonl:1", stream, make_event(stream, id=id, **fields))


class FakeServer:
    """Notes the requests and answers them as a server would; from the nth on it refuses."""

    def __init__(self, *, refuses_from: int = 1000) -> None:
        self.sent: list[tuple[str, dict[str, Any], bytes]] = []
        self._refuses_from = refuses_from

    async def send(self, method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        assert (method, token) == ("POST", "secret")
        (event,) = json.loads(body)["events"]
        if len(self.sent) >= self._refuses_from:
            return 403, b'{"code": "forbidden", "detail": "Not here."}'
        self.sent.append((path, event, body))
        answer = AppendOut("main", "s", 1, 1, 1, replayed=False, events=[PlacedOut(event["id"], 1, 1)])
        return 201, msgspec.json.encode(answer)


def play(*records: Record, name: str = "p", server: FakeServer | None = None) -> list[dict[str, Any]]:
    server = server or FakeServer()
    outcomes: list[AppendOut] = []
    asyncio.run(Playing(name, 1000).play(records, Api(server.send, "secret"), on_append=outcomes.append))
    assert len(outcomes) == len(server.sent)
    return [event for _, event, _ in server.sent]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([], []),
        (["12:00:00"], [0]),
        (["12:00:00", "12:00:00.250", "12:00:01"], [0, 0.25, 0.75]),
        (["12:00:00", "12:30:00", "12:30:01"], [0, 2, 1]),
        (["12:00:05", "12:00:00", "12:00:01"], [0, 0, 1]),
        ([None, None, "12:00:00", None], [0, 1, 1, 1]),
    ],
)
def test_a_pause_is_as_recorded_within_two_seconds_and_steady_without_times(
    times: list[str | None], seconds: list[float]
) -> None:
    records = [record(occurred_at=None if time is None else f"2026-01-31T{time}Z") for time in times]

    assert list(pauses(records)) == [timedelta(seconds=pause) for pause in seconds]


def test_each_playing_has_streams_workflows_and_ids_of_its_own() -> None:
    run = [record("1", correlation_id="w"), record("2", correlation_id="w", causation_id="1")]
    one, other = FakeServer(), FakeServer()

    play(*run, name="one", server=one)
    play(*run, name="other", server=other)

    assert [path for path, _, _ in one.sent] == ["/api/streams/run-1-play-one/events"] * 2
    assert {event["correlation_id"] for _, event, _ in one.sent} == {"w-play-one"}
    assert len({event["id"] for _, event, _ in (*one.sent, *other.sent)}) == 4


def test_a_played_event_keeps_its_tags() -> None:
    assert [event["tags"] for event in play(record(tags=["vip", "eu"]), record("2"))] == [["vip", "eu"], []]


def test_a_cause_in_the_run_is_the_one_that_was_played_and_another_stays() -> None:
    first, second, third = play(record("1", causation_id="elsewhere"), record("2", causation_id="1"), record("3"))

    assert first["causation_id"] == "elsewhere"
    assert second["causation_id"] == first["id"]
    assert third["causation_id"] is None


def test_an_event_happens_now_and_its_metadata_say_what_it_was() -> None:
    (event,) = play(record("1", occurred_at="2021-07-21T06:00:00Z", metadata=b'{"source": {"index": 3}}', agent="a"))

    assert "occurred_at" not in event
    assert event["agent"] == "a"
    assert event["metadata"] == {
        "source": {"index": 3},
        "played": {"name": "p", "speed": 1000, "was": {"id": "1", "occurred_at": "2021-07-21T06:00:00+00:00"}},
    }


def test_data_are_sent_as_they_are() -> None:
    server = FakeServer()

    play(record(data=b'{"cost": 0.10000000000000000001}'), server=server)

    assert b'"data":{"cost": 0.10000000000000000001}' in server.sent[0][2]


def test_a_refusal_ends_the_playing_and_says_why() -> None:
    with pytest.raises(ClientError, match=r"403 forbidden: Not here\."):
        play(record("1"), record("2"), server=FakeServer(refuses_from=1))
