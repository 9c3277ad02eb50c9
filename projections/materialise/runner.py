"""Keeps materialised projections up to date: follows the logs, folds, writes.

One runner at a time advances a log, whatever the number of processes and hosts: it holds the log's advisory lock, and
the same session does the writing. So a runner that lost its lock has lost its voice too. The database ends a session
that says nothing for `_LEASE` seconds, and a host that vanished is noticed by its connection: others try for the lock
once a second, and take over.

There are two parts, in processes of their own: `LIVE` advances the builds that readers see, `BESIDE` those that are to
take over from them, and removes what was retired. However long a rebuild takes, it never stands before a live event.
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
from projections.materialise.build import Build, BuildId, Failpoint, Made, Session
from projections.values.exact_json import NotAState

logger = logging.getLogger(__name__)

_LEASE = 15
"""Seconds; a runner looks at its logs once a second."""
_LONGEST_FOLD = 120
"""Seconds that a batch may take between two statements before the database gives its rows free."""
_SETTINGS = {
    "timezone": "UTC",
    "plan_cache_mode": "force_custom_plan",
    "lock_timeout": "5s",
    "idle_session_timeout": f"{_LEASE}s",
    "idle_in_transaction_session_timeout": f"{_LONGEST_FOLD}s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_RETRY = 1.0
_NOTE = 1.0
_PACE, _LEAST_PACE = 0.2, 0.02
"""Seconds that a round should take, however many logs are due: a new event waits until it is over."""
_LEAST, _FIRST, _MOST = 64, 1_000, 100_000
"""Positions of a batch."""
_PIECE = 1_000
_CHARACTERS = 32 * 2**20
"""Events read at once, and how much of them is held."""
_REFUSED = (NotAState, psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
"""What comes of the result of a reducer, not of the connection."""


class Part(Enum):
    """The kind of builds that a runner advances; the value is the class of its advisory locks."""

    LIVE = 7303
    BESIDE = 7304


class Runner:
    """Advances the materialised projections of all logs, or of some.

    `projections` are those of the registry unless given; `at` is told where in a transaction it is.
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
        declared = registry.PROJECTIONS if projections is None else projections
        self._projections = {name: each for name, each in declared.items() if each.materialised}
        self._fingerprints = {name: fingerprint(each) for name, each in self._projections.items()}
        self._conditions = {name: builds.condition(each) for name, each in self._projections.items()}
        self._at = at
        self._session: Session | None = None
        self._held: set[int] = set()
        self._sizes: dict[int, int] = {}
        self._moved: dict[tuple[int, str, int], float] = {}
        self._noted = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop. While the database is away it waits."""
        try:
            while not stopping.is_set():
                try:
                    if not self.turn():
                        self.wait(settings.EVENTSITE.tail_poll_interval)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    logger.warning("projections: %s", brief(error))
                    self.close()
                    stopping.wait(_RETRY)
        finally:
            self.close()

    def turn(self) -> bool:
        """Advance everything that is due by one batch; True where there is more to do at once."""
        session = self._connected()
        # What was told until now is in the heads; who is never idle would keep it for ever.
        for _ in session.notifies(timeout=0):
            pass
        heads = dict(session.execute(sql.HEADS, {"logs": self._logs}).fetchall())
        self._take(session, heads.keys() - self._held)
        if not self._held:
            return False
        if self._part is Part.LIVE:
            self._begin(session)
        found = self._builds(session)
        more = self._part is Part.LIVE and self._retry(session, found)
        due = [each for each in found if each.position < heads.get(each.log_id, 0) or not each.is_live]
        logs = [list(each) for _, each in groupby(due, key=lambda build: build.log_id)]
        pace = max(_LEAST_PACE, _PACE / max(1, len(logs)))
        behind = [self._advance_log(session, each, head=heads[each[0].log_id], pace=pace) for each in logs]
        if self._part is Part.BESIDE:
            more = self._remove(session)
        else:
            self._note_lag(session)
        return more or any(behind)

    def holds(self, log_id: int) -> bool:
        """Whether it is the one that advances a log."""
        return log_id in self._held

    def wait(self, seconds: float) -> None:
        """Wait until a log has grown, as far as is told, but not longer."""
        for _ in self._connected().notifies(timeout=seconds, stop_after=1):
            pass

    def close(self) -> None:
        """Give back what it holds; the next turn begins anew."""
        session, self._session = self._session, None
        self._held.clear()
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
            self._held.update(id for (id,) in rows)

    @property
    def _held_logs(self) -> dict[str, Any]:
        """Parameters of a statement about the logs that it holds."""
        return {"logs": list(self._held)}

    def _begin(self, session: Session) -> None:
        """Begin the builds that are due.

        A projection without a build gets its first one, one whose live build is outdated gets one beside it,
        and builds that may hold redacted content are replaced.
        """
        session.execute(sql.RETIRE_UNSOUND, self._held_logs)
        rows = session.execute(sql.NEWEST, self._held_logs).fetchall()
        newest = {(log_id, name): Made(*values) for log_id, name, *values in rows}
        for log_id in self._held:
            for name, projection in self._projections.items():
                made = newest.get((log_id, name))
                if made is None or made.is_outdated(projection):
                    with session.transaction():
                        builds.begin(session.execute, log_id, projection)

    def _note_lag(self, session: Session) -> None:
        """Once a second, after what was due: what lags then lags for longer than a round."""
        if (now := time.monotonic()) >= self._noted + _NOTE:
            self._noted = now
            session.execute(sql.NOTE_LAG, self._held_logs)
            session.execute(sql.FORGET_LAG, self._held_logs)

    def _builds(self, session: Session) -> list[Build]:
        """The builds that are to advance and can: one of other code waits for that code, or for a rebuild."""
        builds = (Build(*row) for row in session.execute(sql.CHECKPOINTS, self._held_logs).fetchall())
        return [
            each
            for each in builds
            if each.is_live is (self._part is Part.LIVE) and self._fingerprints.get(each.name) == each.fingerprint
        ]

    def _retry(self, session: Session, found: list[Build]) -> bool:
        """Lead some parked keys on, for no longer than a round may take: live events wait meanwhile."""
        by_id = {each.id: each for each in found}
        params = {**self._held_logs, "fingerprints": list(self._fingerprints.values())}
        rows = session.execute(sql.RETRIED, params).fetchall()
        due = [(by_id[id], key, position) for *of, key, position in rows if (id := BuildId(*of)) in by_id]
        end = time.monotonic() + _PACE
        for build, key, position in due:
            try:
                builds.retry(session, build, self._projections[build.name], key=key, position=position)
            except _REFUSED as error:
                builds.park_again(session, build, error, key=key, position=position)
            if time.monotonic() > end:
                break
        return bool(due)

    def _remove(self, session: Session) -> bool:
        retired = session.execute(sql.RETIRED, self._held_logs).fetchall()
        return any(builds.remove(session, BuildId(*each)) for each in retired)

    def _advance_log(self, session: Session, due: list[Build], *, head: int, pace: float) -> bool:
        """Advance the builds of one log by a batch each. Those that stand at one place share what is read."""
        log_id = due[0].log_id
        size = self._sizes.setdefault(log_id, _FIRST)
        shared = _Shared(session, log_id)
        began = time.monotonic()
        for build in due:
            if not self._advance(session, build, shared, last=min(head, build.position + size), head=head):
                self._sizes[log_id] = 1
                return True
        took = time.monotonic() - began
        is_behind = any(head - each.position > size for each in due)
        if took > 2 * pace:
            self._sizes[log_id] = max(_LEAST, size // 2)
        elif is_behind and took < pace / 2:
            self._sizes[log_id] = min(_MOST, size * 2)
        return is_behind

    def _advance(self, session: Session, build: Build, shared: _Shared, *, last: int, head: int) -> bool:
        """False where the database refused what came out, and which event is to blame is not known yet."""
        projection = self._projections[build.name]
        where = self._conditions[build.name]
        try:
            builds.advance(
                session,
                build,
                projection,
                read=lambda upto: shared.read(where, after=build.position, upto=upto),
                last=last,
                is_head=last == head,
                rate=self._rate(build, last, head),
                at=self._at,
            )
        except _REFUSED as error:
            if last - build.position > 1:
                return False
            builds.refuse(session, build, projection, error)
        return True

    def _rate(self, build: Build, last: int, head: int) -> float:
        """Positions a second while it is behind, the last few batches weighing most."""
        now = time.monotonic()
        since = self._moved.pop(build.id, None)
        if last < head:
            self._moved[build.id] = now
        if since is None:
            return build.rate
        rate = (last - build.position) / max(now - since, 0.001)
        return 0.8 * build.rate + 0.2 * rate if build.rate else rate


def run_live(stopping: threading.Event, *, logs: Collection[int] | None = None) -> None:
    """Run the process that keeps live builds up to date."""
    Runner(Part.LIVE, logs=logs).run(stopping)


def run_beside(stopping: threading.Event, *, logs: Collection[int] | None = None) -> None:
    """Run the process that rebuilds."""
    Runner(Part.BESIDE, logs=logs).run(stopping)


class _Shared:
    """The events of a log that were read in one round, for the next projection at the same place."""

    def __init__(self, session: Session, log_id: int) -> None:
        self._session = session
        self._log_id = log_id
        self._read: dict[tuple[Q, int, int], tuple[list[Decoded], int]] = {}

    def read(self, where: Q, *, after: int, upto: int) -> tuple[list[Decoded], int]:
        """The events up to a position, and that position: an earlier one where they are too large to hold at once."""
        place = (where, after, upto)
        if place not in self._read:
            self._read[place] = self._fetch(where, after, upto)
        return self._read[place]

    def _fetch(self, where: Q, after: int, upto: int) -> tuple[list[Decoded], int]:
        events: list[Decoded] = []
        characters = 0
        while characters < _CHARACTERS:
            piece = store.events(self._log_id, where, after=after, before=upto + 1, limit=_PIECE).fetch_on(
                self._session
            )
            events += map(decode, piece)
            if len(piece) < _PIECE:
                return events, upto
            characters += sum(len(event.data) for event in piece)
            after = piece[-1].position
        return events, after
