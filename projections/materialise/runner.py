"""The projection runner, which keeps materialised projections up to date: it follows the logs, folds and writes.

One runner at a time advances a log, whatever the number of processes and hosts: it holds the log's advisory lock, and
the same session does the writing. So a runner that has lost its lock can't write either. The database ends a session
that is idle for `_LEASE_SECONDS`, or whose host has vanished. Other runners try to get the lock once a second, and take
over.

A runner has one of two parts, each in a process of its own: `LIVE` advances the builds that readers see. `BESIDE`
advances the builds that will replace them, and removes retired ones. So a live event never waits for a rebuild.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Mapping
from enum import Enum
from itertools import groupby
from typing import Any

import psycopg
from django.conf import settings
from django.db.models import Q

from events.errors import brief
from events.reading import store
from events.sessions import direct
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Decoded, Projection, decode
from projections.materialise import build as builds
from projections.materialise import sql
from projections.materialise.build import Build, BuildId, BuiltCode, Failpoint, Session
from projections.values.exact_json import NotAState

logger = logging.getLogger(__name__)

_LEASE_SECONDS = 15
"""The database ends a session that is idle for so long. A runner looks at its logs once a second."""
_MAX_FOLD_SECONDS = 120
"""If a batch takes longer between two statements, the database ends its transaction and unlocks its rows."""
_SETTINGS = {
    "timezone": "UTC",
    "plan_cache_mode": "force_custom_plan",
    "lock_timeout": "5s",
    "idle_session_timeout": f"{_LEASE_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{_MAX_FOLD_SECONDS}s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_RETRY_SECONDS = 1.0
"""The wait after the database was away."""
_NOTE_SECONDS = 1.0
"""The time between two measurements of the lag."""
_ROUND_SECONDS, _MIN_LOG_SECONDS = 0.2, 0.02
"""The time that a round should take, which all logs share: a new event waits until the round is over. Each log gets at
least `_MIN_LOG_SECONDS`."""
_MIN_BATCH_POSITIONS, _FIRST_BATCH_POSITIONS, _MAX_BATCH_POSITIONS = 64, 1_000, 100_000
_CHUNK_EVENTS = 1_000
"""The events that one statement reads."""
_MAX_HELD_CHARACTERS = 32 * 2**20
"""A batch ends early if its events hold more data than that."""
_REFUSALS = (NotAState, psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
"""The errors that the result of a reducer causes, not the connection."""


class Part(Enum):
    """The kind of builds that a runner advances; the value is the class of its advisory locks."""

    LIVE = 7303
    BESIDE = 7304


class Runner:
    """Advances the materialised projections of all logs, or of some.

    `projections` are by default those of the registry. `at` is called at the failpoints of each transaction.
    """

    def __init__(
        self,
        part: Part = Part.LIVE,
        *,
        logs: Collection[int] | None = None,
        projections: Mapping[str, Projection] | None = None,
        at: Failpoint = lambda point: None,
    ) -> None:
        self._part = part
        self._logs = None if logs is None else list(logs)
        by_name = registry.PROJECTIONS if projections is None else projections
        self._projections = {name: each for name, each in by_name.items() if each.materialised}
        self._fingerprints = {name: fingerprint(each) for name, each in self._projections.items()}
        self._conditions = {name: builds.condition(each) for name, each in self._projections.items()}
        self._at = at
        self._session: Session | None = None
        self._locked_logs: set[int] = set()
        self._batch_positions: dict[int, int] = {}
        self._move_times: dict[tuple[int, str, int], float] = {}
        self._note_time = 0.0

    def run(self, stop_event: threading.Event) -> None:
        """Work until `stop_event` is set. While the database is away, wait."""
        try:
            while not stop_event.is_set():
                try:
                    if not self.turn():
                        self.wait(settings.EVENTSITE.tail_poll_interval)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    logger.warning("projections: %s", brief(error))
                    self.close()
                    stop_event.wait(_RETRY_SECONDS)
        finally:
            self.close()

    def turn(self) -> bool:
        """Advance every build that is behind by one batch; return True if there is more to do at once."""
        session = self._connected()
        # The heads below include all notifications until now. A runner that is never idle would collect them for ever.
        for _ in session.notifies(timeout=0):
            pass
        heads = dict(session.execute(sql.HEADS, {"logs": self._logs}).fetchall())
        self._take(session, heads.keys() - self._locked_logs)
        if not self._locked_logs:
            return False
        if self._part is Part.LIVE:
            self._begin(session)
        active_builds = self._builds(session)
        has_more = self._part is Part.LIVE and self._retry(session, active_builds)
        due_builds = [each for each in active_builds if each.position < heads.get(each.log_id, 0) or not each.is_live]
        logs = [list(each) for _, each in groupby(due_builds, key=lambda build: build.log_id)]
        seconds = max(_MIN_LOG_SECONDS, _ROUND_SECONDS / max(1, len(logs)))
        are_behind = [self._advance_log(session, each, head=heads[each[0].log_id], seconds=seconds) for each in logs]
        if self._part is Part.BESIDE:
            has_more = self._remove(session)
        else:
            self._note_lag(session)
        return has_more or any(are_behind)

    def holds(self, log_id: int) -> bool:
        """Whether this runner advances a log."""
        return log_id in self._locked_logs

    def wait(self, seconds: float) -> None:
        """Wait for the notification that a log has grown, at most so many seconds."""
        for _ in self._connected().notifies(timeout=seconds, stop_after=1):
            pass

    def close(self) -> None:
        """Give back the session and the locks. The next turn opens a session again."""
        session, self._session = self._session, None
        self._locked_logs.clear()
        if session is not None:
            session.close()

    def _connected(self) -> Session:
        if self._session is None:
            session = direct().session(f"projections {self._part.name.lower()}", _SETTINGS)
            self._session = psycopg.connect(session, autocommit=True)
            self._session.execute(sql.LISTEN)
        return self._session

    def _take(self, session: Session, logs: Collection[int]) -> None:
        if logs:
            rows = session.execute(sql.LOCK, {"logs": list(logs), "part": self._part.value}).fetchall()
            self._locked_logs.update(id for (id,) in rows)

    @property
    def _log_params(self) -> dict[str, Any]:
        """The parameters of a statement about the logs that this runner advances."""
        return {"logs": list(self._locked_logs)}

    def _begin(self, session: Session) -> None:
        """Begin the builds that are due.

        A projection without a build gets its first one, one whose live build is outdated gets one beside it,
        and builds that may hold redacted content are replaced.
        """
        session.execute(sql.RETIRE_UNSOUND, self._log_params)
        rows = session.execute(sql.NEWEST, self._log_params).fetchall()
        newest = {(log_id, name): BuiltCode(*values) for log_id, name, *values in rows}
        for log_id in self._locked_logs:
            for name, projection in self._projections.items():
                code = newest.get((log_id, name))
                if code is None or code.is_outdated(projection):
                    with session.transaction():
                        builds.begin(session.execute, log_id, projection)

    def _note_lag(self, session: Session) -> None:
        """Note the lag once a second, at the end of a round: a lag at that time is longer than a round."""
        if (now := time.monotonic()) >= self._note_time + _NOTE_SECONDS:
            self._note_time = now
            session.execute(sql.NOTE_LAG, self._log_params)
            session.execute(sql.FORGET_LAG, self._log_params)

    def _builds(self, session: Session) -> list[Build]:
        """Return the builds to advance. A build by other code is left out: it waits for that code, or for a rebuild."""
        builds = (Build(*row) for row in session.execute(sql.CHECKPOINTS, self._log_params).fetchall())
        return [
            each
            for each in builds
            if each.is_live is (self._part is Part.LIVE) and self._fingerprints.get(each.name) == each.fingerprint
        ]

    def _retry(self, session: Session, active_builds: list[Build]) -> bool:
        """Retry some parked keys, for no longer than a round may take: live events wait meanwhile."""
        by_id = {each.id: each for each in active_builds}
        params = {**self._log_params, "fingerprints": list(self._fingerprints.values())}
        rows = session.execute(sql.RETRIED, params).fetchall()
        retries = [(by_id[id], key, position) for *of, key, position in rows if (id := BuildId(*of)) in by_id]
        end = time.monotonic() + _ROUND_SECONDS
        for build, key, position in retries:
            try:
                builds.retry(session, build, self._projections[build.name], key=key, position=position)
            except _REFUSALS as error:
                builds.park_again(session, build, error, key=key, position=position)
            if time.monotonic() > end:
                break
        return bool(retries)

    def _remove(self, session: Session) -> bool:
        retired_builds = session.execute(sql.RETIRED, self._log_params).fetchall()
        return any(builds.remove(session, BuildId(*each)) for each in retired_builds)

    def _advance_log(self, session: Session, due_builds: list[Build], *, head: int, seconds: float) -> bool:
        """Advance the builds of one log by a batch each; return True if one is still behind.

        Builds at the same position share the events that are read. The size of a batch follows its time.
        """
        log_id = due_builds[0].log_id
        size = self._batch_positions.setdefault(log_id, _FIRST_BATCH_POSITIONS)
        shared_events = _SharedEvents(session, log_id)
        start = time.monotonic()
        for build in due_builds:
            if not self._advance(session, build, shared_events, last=min(head, build.position + size), head=head):
                self._batch_positions[log_id] = 1
                return True
        duration = time.monotonic() - start
        is_behind = any(head - each.position > size for each in due_builds)
        if duration > 2 * seconds:
            self._batch_positions[log_id] = max(_MIN_BATCH_POSITIONS, size // 2)
        elif is_behind and duration < seconds / 2:
            self._batch_positions[log_id] = min(_MAX_BATCH_POSITIONS, size * 2)
        return is_behind

    def _advance(self, session: Session, build: Build, shared_events: _SharedEvents, *, last: int, head: int) -> bool:
        """Advance a build; return False if the database refused the states of several events.

        The next batches then have one event each, so that they find the one to blame.
        """
        projection = self._projections[build.name]
        where = self._conditions[build.name]
        try:
            builds.advance(
                session,
                build,
                projection,
                read_events=lambda upto: shared_events.read(where, after=build.position, upto=upto),
                last=last,
                is_head=last == head,
                rate=self._rate(build, last, head),
                at=self._at,
            )
        except _REFUSALS as error:
            if last - build.position > 1:
                return False
            builds.refuse(session, build, projection, error)
        return True

    def _rate(self, build: Build, last: int, head: int) -> float:
        """Return the positions a second while the build is behind; the last few batches weigh most."""
        now = time.monotonic()
        last_move = self._move_times.pop(build.id, None)
        if last < head:
            self._move_times[build.id] = now
        if last_move is None:
            return build.rate
        rate = (last - build.position) / max(now - last_move, 0.001)
        return 0.8 * build.rate + 0.2 * rate if build.rate else rate


def run_live(stop_event: threading.Event, *, logs: Collection[int] | None = None) -> None:
    """Run the process that keeps live builds up to date."""
    Runner(Part.LIVE, logs=logs).run(stop_event)


def run_beside(stop_event: threading.Event, *, logs: Collection[int] | None = None) -> None:
    """Run the process that builds projections beside the live builds."""
    Runner(Part.BESIDE, logs=logs).run(stop_event)


class _SharedEvents:
    """The events of a log that one round has read: the next projection at the same position need not read them."""

    def __init__(self, session: Session, log_id: int) -> None:
        self._session = session
        self._log_id = log_id
        self._chunks: dict[tuple[Q, int, int], tuple[list[Decoded], int]] = {}

    def read(self, where: Q, *, after: int, upto: int) -> tuple[list[Decoded], int]:
        """Return the events up to a position, and that position: an earlier one if the events are too large to hold."""
        place = (where, after, upto)
        if place not in self._chunks:
            self._chunks[place] = self._fetch(where, after, upto)
        return self._chunks[place]

    def _fetch(self, where: Q, after: int, upto: int) -> tuple[list[Decoded], int]:
        events: list[Decoded] = []
        characters = 0
        while characters < _MAX_HELD_CHARACTERS:
            chunk = store.events(self._log_id, where, after=after, before=upto + 1, limit=_CHUNK_EVENTS).fetch_on(
                self._session
            )
            events += map(decode, chunk)
            if len(chunk) < _CHUNK_EVENTS:
                return events, upto
            characters += sum(len(event.data) for event in chunk)
            after = chunk[-1].position
        return events, after
