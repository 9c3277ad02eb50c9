"""Replays of 10,000 and of 1,000,000 events with a state of 64 KB, beside a fold from the first event.

Other tools fold from the first event for each step. The other floors are those of a seek: the SQL of a condition, and a
fold with nothing around it. A step is what a page shows: also the states and changes of the steps around it.
"""

from __future__ import annotations

import gc
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any, TypeAlias

import psycopg
from django.test import Client

from events.models import Log, Member, Role
from events.query.parse import parse
from events.reading import db_work
from events.reading.db_work import DbWork
from events.types import Event
from projections import registry
from projections.definition.fold import fold
from projections.definition.projection import Projection, decode
from projections.jobs import queue
from projections.models import Snapshot
from projections.replay.address import ReplayAddress
from projections.replay.seek.condition import Seek
from projections.replay.seek.search import seek
from projections.replay.step import step_at
from projections.replay.views.kept_window import HEADER
from projections.replay.why import Why, why
from projections.replay.window import window_at
from projections.states.fold import Fold, Pace
from projections.states.sources.indexed import LogSource
from projections.values.change import Json
from tests.benchmarks.bare_pages import Pages, bare
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, ratio
from tests.benchmarks.query import SELECT, fill
from tests.support.factories import make_user

_SIZES = (10_000, 1_000_000)
_ROUNDS = 40
_FLOOR = 100_000
"""The number of events with which a floor is measured."""
_SOURCE = LogSource()
_WINDOW = re.compile(r'data-window="([^"]*)"')
_TO_THE_END = Pace(chunk_events=500, max_events=None)

large = Projection("large", about="The last event of each of 300 tasks: a state of 64 KB.")

Work: TypeAlias = Callable[[Log, int], object]
Places: TypeAlias = Callable[[int], Sequence[int]]


@large.on("*")
def kept(state: dict[str, Any], happened: Any) -> Json:
    return {**state, f"task{happened.position % 300}": happened.data}


def run() -> Iterator[Table]:
    registry.PROJECTIONS[large.name] = large
    user = make_user()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        logs = {size: make_log() for size in _SIZES}
        for size, log in logs.items():
            fill(connection, log, events=size)
            log.refresh_from_db()
            Member.objects.create(log=log, user=user, role=Role.VIEWER)
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(user)
        gc.disable()
        yield _indexing(connection, logs)
        _go_all_ways(client, logs)
        yield _stepping(connection, client, logs)
        yield _at_numbers(logs[_SIZES[-1]])
        yield _seeking(connection, logs[_SIZES[-1]])
        gc.enable()


def _indexing(connection: psycopg.Connection, logs: dict[int, Log]) -> Table:
    """Both go through all events; they take turns, part by part."""
    heads = ("events", "bare fold", "index", "÷ bare", "snapshots", "their text ÷ the events'")
    table = Table("Building a replay's index, events a second", heads)
    for size, log in logs.items():
        bare = ours = 0.0
        part = max(10_000, size // 20)
        for end in range(part, size + 1, part):
            bare += _seconds(partial(_refold, connection, log, end, end - part))
            ours += _seconds(partial(db_work.run, _folded(log, end)))
        rows = Snapshot.objects.filter(log=log, projection=large.name, is_asked=False)
        last = rows.latest("n")
        rates = f"{count(size / bare)}/s", f"{count(size / ours)}/s", ratio(bare, ours)
        table.rows.append((count(size), *rates, count(rows.count()), ratio(last.kept_size, last.event_size)))
    return table


def _folded(log: Log, upto: int) -> DbWork[Any]:
    return Fold(log.pk, large, _SOURCE, upto).to(upto, pace=_TO_THE_END)


def _refold(connection: psycopg.Connection, log: Log, upto: int, after: int = 0) -> Json:
    """The state of a step without an index, in bounded memory."""
    state = large.initial
    for first in range(after, upto, _TO_THE_END.chunk_events):
        last = min(first + _TO_THE_END.chunk_events, upto)
        rows = connection.execute(
            f"{SELECT}position > %s and position <= %s order by position", [log.pk, first, last]
        ).fetchall()
        state = fold(large, (decode(Event(*row)) for row in rows), state)
    return state


def _go_all_ways(client: Client, logs: dict[int, Log]) -> None:
    """Do the folds that are too long for a page, also those of the parts beside the state.

    (Half of them are enough.)
    """
    for size, log in logs.items():
        _page(client, log, size // 2 + _ROUNDS)
    while job := queue.claim():
        queue.do(job)


def _stepping(connection: psycopg.Connection, client: Client, logs: dict[int, Log]) -> Table:
    heads = ("", *(f"{size:,} events" for size in _SIZES), "÷", "÷ a jump")
    table = Table("A step anywhere in a replay, its index standing (median)", heads)
    refolded = [_seconds(partial(_refold, connection, log, size)) for size, log in logs.items()]
    works: dict[str, tuple[Work, Places]] = {
        "a jump to any step": (_step, _anywhere),
        "a step on": (_step, _onward),
        "the state alone, as the API says it": (_state, _anywhere),
        "the blame of a path, beside its step": (_blame, _anywhere),
        "the page, a jump": (partial(_page, client), _anywhere),
        "the same, bare": (_BarePage(client), _one_place),
        "the page, a step on": (_Stepping(client), _onward),
    }
    medians = _medians(works, logs)
    floor = medians["a jump to any step"][-1]
    for name, (smaller, larger) in {"a refold from the first event": refolded, **medians}.items():
        cells = milliseconds(smaller), milliseconds(larger), ratio(larger, smaller), ratio(larger, floor)
        table.rows.append((name, *cells))
    return table


def _medians(works: dict[str, tuple[Work, Places]], logs: dict[int, Log]) -> dict[str, list[float]]:
    """The median of each work in each log; all take turns."""
    ways = {(name, size): places(size) for name, (_, places) in works.items() for size in logs}
    times: dict[tuple[str, int], list[float]] = {each: [] for each in ways}
    for i in range(_ROUNDS):
        for name, size in ways:
            work, place = works[name][0], ways[name, size][i]
            times[name, size].append(_seconds(partial(work, logs[size], place)))
        gc.collect()
    return {name: [median(times[name, size]) for size in logs] for name in works}


def _anywhere(size: int) -> Sequence[int]:
    return random.sample(range(size // 10, size // 2), _ROUNDS)


def _one_place(size: int) -> Sequence[int]:
    return [size // 3] * _ROUNDS


def _onward(size: int) -> Sequence[int]:
    return range(size // 2, size // 2 + _ROUNDS)


def _step(log: Log, place: int) -> object:
    window = db_work.run(window_at(Fold(log.pk, large, _SOURCE, log.head), place=place))
    assert window.is_known
    return window.after


def _state(log: Log, place: int) -> object:
    return db_work.run(step_at(Fold(log.pk, large, _SOURCE, log.head), place)).state


def _blame(log: Log, place: int) -> object:
    def asked() -> DbWork[Why]:
        fold = Fold(log.pk, large, _SOURCE, log.head)
        window = yield from window_at(fold, place=place)
        return (yield from why(fold, window, f"/task{place % 300}/tokens/in"))

    result = db_work.run(asked())
    assert result.changes[0].place == place
    return result


def _page(client: Client, log: Log, place: int, **headers: str) -> str:
    answer = client.get(ReplayAddress(log.name, _SOURCE, {"by": large.name}).step(place), headers=headers)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


class _BarePage:
    """A jump to one place, as a bare page."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._pages: Pages = {}

    def __call__(self, log: Log, place: int) -> str:
        with bare(self._pages):
            return _page(self._client, log, place)


class _Stepping:
    """Continues as the script of the page does, which sends the window of steps that it has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._windows: dict[int, str] = {}

    def __call__(self, log: Log, place: int) -> str:
        headers = {"HX-Request": "true", HEADER: self._windows.get(log.pk, "")}
        page = _page(self._client, log, place, **headers)
        match = _WINDOW.search(page)
        assert match, "the page says which window it shows"
        self._windows[log.pk] = match[1]
        return page


def _at_numbers(log: Log) -> Table:
    heads = ("step", "median", "÷ the first")
    table = Table(f"The same step at other numbers, in {log.head:,} events", heads)
    numbers = [log.head * part // 100 for part in (1, 25, 50, 75, 99)]
    times: dict[int, list[float]] = {n: [] for n in numbers}
    for _ in range(_ROUNDS):
        away = random.randrange(1_000)  # not at the same distance from a snapshot each time
        for n in numbers:
            times[n].append(_seconds(partial(_step, log, n + away)))
        gc.collect()
    floor = median(times[numbers[0]])
    for n, seconds in times.items():
        table.rows.append((count(n), milliseconds(median(seconds)), ratio(median(seconds), floor)))
    return table


def _seeking(connection: psycopg.Connection, log: Log) -> Table:
    """Conditions that no step fits, so that each step is examined."""
    first = log.head - _FLOOR
    sql = f"{SELECT}position > %s and data::jsonb @@ '$.tokens.in > 9100' order by position limit 1"
    floors: dict[str, Callable[[], object]] = {
        "the query": lambda: connection.execute(sql, [log.pk, first]).fetchall(),
        "the fold": partial(_refold, connection, log, log.head, first),
    }
    conditions = {
        "data.tokens.in>9100": "the query",
        "state.task7.tokens.in>9100": "the fold",
        "changed:/task7/none": "the fold",
    }
    table = Table(f"Seeking through {_FLOOR:,} events, events a second", ("condition", "bare", "seek", "÷ bare"))
    for condition, floor in conditions.items():
        seek_to_the_end = Seek(large, _SOURCE, parse(condition), first, log.head)
        works: dict[str, Callable[[], object]] = {"bare": floors[floor], "ours": partial(_sought, log, seek_to_the_end)}
        medians = interleaved({name: partial(_seconds, work) for name, work in works.items()}, rounds=5)
        bare, ours = medians.values()
        rates = f"{floor}, {count(_FLOOR / bare)}/s", f"{count(_FLOOR / ours)}/s", ratio(bare, ours)
        table.rows.append((condition, *rates))
    return table


def _sought(log: Log, target: Seek) -> None:
    result = db_work.run(seek(log.pk, target, head=log.head, pace=_TO_THE_END))
    assert result.event is None
    assert result.searched_to == log.head


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
