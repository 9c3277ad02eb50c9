"""What the pages of subscriptions draw and say: trends, places in the log, states, and why nothing comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.models import BreakerState
from events.subscriptions.breakers import ALL, Circuit
from events.subscriptions.consumers import Consumer
from events.subscriptions.lag import Lag
from events.subscriptions.overview import Holdings, Letters, Mark, Marks, Overview, Takers
from events.subscriptions.settings import Settings
from events.subscriptions.store import Status
from events.views.durations import brief_span
from events.views.subscriptions.places import places
from events.views.subscriptions.silence import silences
from events.views.subscriptions.standing import Row, Standing
from events.views.subscriptions.trend import WIDTH, trend

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def settings(**fields: Any) -> Settings:
    values: dict[str, Any] = {
        "query": "",
        "order_by": "stream",
        "ack_deadline": 30.0,
        "max_attempts": 3,
        "backoff": {},
        "max_in_flight": 20,
        "max_in_flight_per_consumer": 8,
        "passes_dead_letters": False,
        "projection": "latest",
        "with_system_events": False,
    }
    return Settings(**{**values, **fields})


def overview(
    *,
    holdings: Holdings | None = None,
    seen: int = 1,
    letters: Letters | None = None,
    circuits: Sequence[Circuit] = (),
    lags: Sequence[Lag] = (),
    **fields: Any,
) -> Overview:
    values: dict[str, Any] = dict.fromkeys(Status.__dataclass_fields__, 0)
    values |= {"number": 1, "name": "work", "is_paused": False, "head": 1000, "read_to": 1000, "floor": 1000}
    values |= {"settings": settings(), "oldest_unsettled_at": None, **fields}
    return Overview(Status(**values), holdings or Holdings(), Takers(seen), letters or Letters(), circuits, lags)


def circuit(state: BreakerState, consumer: str = ALL) -> Circuit:
    return Circuit(1, consumer, state, NOW, NOW, 0, 0, None)


def lags(*behind: int) -> list[Lag]:
    """The notes of the last minutes, the newest one last."""
    last = NOW.replace(second=0)
    return [Lag(last - (len(behind) - 1 - n) * MINUTE, each) for n, each in enumerate(behind)]


@pytest.mark.parametrize(
    ("noted", "behind", "words"),
    [
        ([], 5, "no trend yet"),
        ([10, 10, 10], 10, "steady"),
        ([0, 0, 0, 0, 0], 270, "grows 1.0/s"),
        ([648, 600, 500, 500, 500], 0, "falls 2.4/s"),
        ([0, 0, 0, 0, 0], 810_000, "grows 3,000/s"),
        ([10, 10, 10, 10, 10], 14, "steady"),
    ],
)
def test_a_drift_is_the_change_of_the_last_minutes(noted: list[int], behind: int, words: str) -> None:
    assert trend(lags(*noted), behind, NOW).words == words


def test_a_trend_ends_at_the_present_and_leaves_out_what_was_not_noted() -> None:
    path = trend([Lag(NOW - 20 * MINUTE, 4), *lags(0, 8)], 8, NOW).path
    assert path.count("M") == 2
    assert path.endswith(f"L{WIDTH}.0 3.0")
    assert trend(lags(3), 3, NOW - timedelta(hours=2)).path.count("M") == 1, "notes of another time are not drawn"


def test_places_stand_in_the_order_of_the_log() -> None:
    one = overview(floor=10, read_to=700, head=1000)
    drawing = places([one], {1: Marks([Mark(700, 1)], [Mark(11, 1), Mark(400, 3)])}, 1000)
    [lane] = drawing.lanes
    places_of = [lane.floor, lane.letters[0].x, lane.letters[1].x, lane.in_flight[0]]
    assert places_of == sorted(places_of)
    assert lane.read_to == lane.in_flight[0]
    assert all(0 <= x <= 100 for x in places_of)
    assert [tick.distance for tick in drawing.ticks] == [3, 10, 30, 100, 300]


def test_the_head_is_at_the_right_edge_of_an_empty_log() -> None:
    [lane] = places([overview(floor=0, read_to=0, head=0)], {}, 0).lanes
    assert (lane.floor, lane.read_to) == (100, 100)


def test_a_place_that_moved_beyond_the_head_meanwhile_is_at_the_head() -> None:
    [lane] = places([overview(read_to=1005, floor=1005)], {}, 1000).lanes
    assert lane.read_to == 100


@pytest.mark.parametrize(
    ("fields", "noted", "standing"),
    [
        ({}, [], Standing.LIVE),
        ({"read_to": 900}, [], Standing.LIVE),
        ({"is_paused": True, "read_to": 0, "in_flight": 20}, [], Standing.PAUSED),
        ({"in_flight": 20}, [], Standing.WINDOW_FULL),
        ({"in_flight": 20, "circuits": [circuit(BreakerState.OPEN)]}, [], Standing.BREAKER_OPEN),
        ({"circuits": [circuit(BreakerState.HALF_OPEN)]}, [], Standing.HALF_OPEN),
        ({"circuits": [circuit(BreakerState.CLOSED), circuit(BreakerState.OPEN, "router-4")]}, [], Standing.LIVE),
        ({"read_to": 0, "in_flight": 1}, [0, 0, 0], Standing.FALLING_BEHIND),
        ({"read_to": 0, "in_flight": 1}, [2000, 2000], Standing.CATCHING_UP),
        ({"read_to": 0}, [2000, 2000], Standing.CATCHING_UP),
        ({"read_to": 0, "seen": 0}, [2000, 2000], Standing.NOBODY_TAKES),
        ({"read_to": 999, "seen": 0}, [], Standing.NOBODY_TAKES),
        ({"ready": 1, "seen": 0}, [], Standing.NOBODY_TAKES),
        ({"seen": 0}, [], Standing.LIVE),
    ],
)
def test_a_state_is_the_worst_that_holds(fields: dict[str, Any], noted: list[int], standing: Standing) -> None:
    one = overview(**fields)
    assert Row(one, trend(lags(*noted), one.behind, NOW)).standing is standing


def consumer(deliveries: int) -> Consumer:
    return Consumer("router-2", None, NOW, deliveries, NOW - 14 * MINUTE, 0)


@pytest.mark.parametrize(
    ("one", "consumers", "kinds"),
    [
        (overview(), [], []),
        (overview(is_paused=True, in_flight=20), [consumer(6)], ["paused"]),
        (overview(in_flight=20), [consumer(8)], ["window"]),
        (overview(circuits=[circuit(BreakerState.OPEN)], in_flight=20), [], ["breaker"]),
        (overview(circuits=[circuit(BreakerState.HALF_OPEN)]), [], ["breaker"]),
        (overview(circuits=[circuit(BreakerState.CLOSED), circuit(BreakerState.OPEN, "router-4")]), [], ["tripped"]),
        (overview(in_flight=8), [consumer(8)], ["one-window"]),
        (overview(read_to=0, seen=0), [], ["nobody"]),
        (overview(read_to=0), [], []),
        (overview(ready=1, seen=0), [], ["nobody"]),
        (overview(letters=Letters(holding=2)), [], ["letters"]),
        (overview(letters=Letters(passed=2)), [], []),
        (overview(waiting=3, in_flight=1), [consumer(1)], ["keys"]),
        (overview(in_flight=20, letters=Letters(holding=1)), [consumer(6)], ["window", "letters"]),
    ],
)
def test_a_silence_is_explained(one: Overview, consumers: list[Consumer], kinds: list[str]) -> None:
    assert [silence.kind for silence in silences(one, consumers)] == kinds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (7_560, "2 h 6 min"),
        (90_000, "1 d 1 h"),
        (864_000_000, "10,000 d 0 h"),
    ],
)
def test_a_brief_span_has_the_units_that_tell_most(seconds: float, words: str) -> None:
    assert brief_span(timedelta(seconds=seconds)) == words
