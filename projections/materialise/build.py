"""The build of a projection in a log: one transaction writes states and checkpoint together.

The transaction first locks the checkpoint's row and compares it with the row that the runner read. So a runner that
lost the right to advance a build, and does not know it yet, writes nothing, and a pause, a skip or a cancelled rebuild
holds from its own commit on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from django.db.models import Q
from psycopg import Connection

from events.query import orm
from events.reading import store
from projections.catalog.counts import counts
from projections.definition.fingerprint import fingerprint, own_fingerprint
from projections.definition.fold import reads
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Decoded, Policy, Projection, decode
from projections.materialise import sql
from projections.materialise.batch import Batch, Failure, KeyState
from projections.materialise.sql import SEPARATOR
from projections.values import exact_json

Session: TypeAlias = Connection[Any]
Reading: TypeAlias = Callable[[int], tuple[Sequence[Decoded], int]]
"""Returns the events of a build up to a position, and that position: an earlier one if the events are large."""
Failpoint: TypeAlias = Callable[[str], object]
"""Called with `locked`, `folded`, `stored` (the states), `written` (all), `committed`: tests kill the process there."""

INDEXED_KEYS = (STREAM, WORKFLOW, AGENT, LOG, counts.key)
"""An index of the log leads to the events of these keys, so their places need not be noted."""
_COLUMNS = {STREAM: "stream", WORKFLOW: "correlation_id", AGENT: "agent"}
_MAX_STATEMENT_CHARACTERS = 8 * 2**20
"""More characters of states than that go into several statements."""
_MAX_RETRIED_EVENTS = 2_000
_MAX_REMOVED_ROWS = 5_000
MAX_PARKED_KEYS = 1_000
"""If so many keys of a build are parked, the next failure stops it."""


class BuildId(NamedTuple):
    """The key of a build's rows."""

    log_id: int
    projection: str
    build: int

    def params(self, **values: Any) -> dict[str, Any]:
        """Return the parameters of a statement about the build."""
        return {**self._asdict(), **values}


@dataclass(frozen=True, slots=True)
class Build:
    """A checkpoint as the runner read it."""

    log_id: int
    name: str
    number: int
    version: int
    fingerprint: str
    is_live: bool
    policy: Policy | None
    """The policy that an operator chose for the log; None: that of the projection."""
    position: int
    rate: float
    parked: int
    """The number of its parked keys."""

    @property
    def id(self) -> BuildId:
        return BuildId(self.log_id, self.name, self.number)


def begin(execute: Callable[[str, Any], object], log_id: int, projection: Projection) -> None:
    """Begin a build, in the caller's transaction. Another build beside the live one is given up.

    The first build of a projection is live at once; a later one takes over when it has caught up.
    """
    params = {
        "log_id": log_id,
        "projection": projection.name,
        "version": projection.version,
        "fingerprint": fingerprint(projection),
        "own_fingerprint": own_fingerprint(projection),
    }
    execute(sql.RETIRE_BESIDE, params)
    execute(sql.BEGIN, params)


@dataclass(frozen=True, slots=True)
class BuiltCode:
    """The code that made the newest build of a projection in a log."""

    version: int
    fingerprint: str
    own_fingerprint: str | None

    def is_outdated(self, projection: Projection) -> bool:
        """Whether a build by the running code begins by itself.

        It does for a newer version, and if only the catalogue's code has changed.
        """
        if self.version != projection.version:
            return self.version < projection.version
        current, current_own = fingerprint(projection), own_fingerprint(projection)
        if self.fingerprint == current:
            return False
        uses_catalogue = current_own != current
        return uses_catalogue if self.own_fingerprint is None else self.own_fingerprint == current_own


def condition(projection: Projection) -> Q:
    """Return the condition on the events that a projection reads."""
    return orm.where(reads(projection))


def advance(
    session: Session,
    build: Build,
    projection: Projection,
    *,
    read_events: Reading,
    last: int,
    is_head: bool,
    rate: float,
    at: Failpoint,
) -> bool:
    """Fold up to the position `last`; return False, and write nothing, if the build has changed since it was read.

    `is_head`: `last` is the log's head. A build beside the live one takes over when it has reached the head and the
    position of the live build.
    """
    with session.transaction():
        if not _is_as_read(session, build):
            return False
        at("locked")
        rival = None
        if is_head and not build.is_live:
            # The live build stands still from here to the commit, so that this build catches up with it under any load.
            rival = session.execute(sql.LIVE_POSITION, build.id.params()).fetchone()
            last = max(last, rival[1]) if rival else last
        batch = _batch(build, projection)
        events, last = read_events(last)
        batch.fold(events, lambda keys: _load(session, build, keys))
        at("folded")
        _write(session, build, batch)
        at("stored")
        position = last if batch.stopped_at is None else batch.stopped_at - 1
        _move(session, build, position, rate, batch, stops=position < last)
        if is_head and not build.is_live and batch.stopped_at is None and position >= (rival[1] if rival else 0):
            _take_over(session, build, rival[0] if rival else None)
        at("written")
    at("committed")
    return True


def _batch(build: Build, projection: Projection) -> Batch:
    """Return an empty batch for the next events of a build."""
    return Batch(
        projection,
        policy=build.policy or projection.policy,
        room=max(0, MAX_PARKED_KEYS - build.parked),
        with_places=projection.key not in INDEXED_KEYS,
    )


def refuse(session: Session, build: Build, projection: Projection, error: Exception) -> None:
    """Leave the next event out or stop before it, by the policy: the states after it can't be written."""
    batch = Batch(projection, policy=build.policy or projection.policy)
    batch.leave_out(Failure.of(error, build.position + 1, None))
    with session.transaction():
        if _is_as_read(session, build):
            position = build.position + batch.skipped
            _move(session, build, position, build.rate, batch, stops=batch.stopped_at is not None)


def retry(session: Session, build: Build, projection: Projection, *, key: str, position: int) -> None:
    """Fold a bounded number of events of a parked key from a position on. A key that catches up is no longer parked."""
    with session.transaction():
        if not _is_as_read(session, build):
            return
        where = condition(projection)
        if column := _COLUMNS.get(projection.key):
            where &= Q(**{column: key})
        events = store.events(
            build.log_id, where, after=position - 1, before=build.position + 1, limit=_MAX_RETRIED_EVENTS
        ).fetch_on(session)
        batch = Batch(projection, policy="park", with_places=projection.key not in INDEXED_KEYS, only=key)
        batch.fold([decode(event) for event in events], lambda keys: (_load(session, build, keys)[0], set()))
        _write(session, build, batch)
        if key in batch.parked:
            return
        if len(events) == _MAX_RETRIED_EVENTS:
            session.execute(sql.MOVE_PARKED, build.id.params(key=key, position=events[-1].position + 1))
        else:
            session.execute(sql.UNPARK, build.id.params(key=key))


def park_again(session: Session, build: Build, error: Exception, *, key: str, position: int) -> None:
    """Park a key that was retried at the same event again: the states after it can't be written."""
    _park(session, build, key, Failure.of(error, position, key))


def remove(session: Session, build_id: BuildId) -> bool:
    """Remove some rows of a retired build; return True if there may be more."""
    for statement in (sql.REMOVE_PARKED, sql.REMOVE_STATES, sql.REMOVE_PLACES):
        if session.execute(statement, build_id.params(limit=_MAX_REMOVED_ROWS)).rowcount:
            return True
    session.execute(sql.REMOVE_CHECKPOINT, build_id.params())
    return False


def _is_as_read(session: Session, build: Build) -> bool:
    row = session.execute(sql.LOCK_CHECKPOINT, build.id.params()).fetchone()
    return row == (build.position, build.is_live, "running")


def _load(session: Session, build: Build, keys: Collection[str]) -> tuple[dict[str, KeyState], set[str]]:
    if not keys:
        return {}, set()
    states: dict[str, KeyState] = {}
    parked: set[str] = set()
    rows = session.execute(sql.LOAD, build.id.params(keys=_keys(keys)), prepare=True).fetchall()
    for key, state, events, position, places, is_parked in rows:
        if state is not None:
            states[key] = KeyState(exact_json.loads(state), events, position, places)
        if is_parked:
            parked.add(key)
    return states, parked


def _write(session: Session, build: Build, batch: Batch) -> None:
    for states in _portions(batch.states):
        keys, *columns = zip(*states, strict=True)
        events, positions, texts, places = map(SEPARATOR.join, columns)
        params = build.id.params(keys=_keys(keys), events=events, positions=positions, states=texts, places=places)
        session.execute(sql.STORE, params, prepare=True)
    if batch.full_places:
        keys, rows = zip(*batch.full_places, strict=True)
        params = build.id.params(keys=_keys(keys), places=SEPARATOR.join(map(_array, rows)))
        session.execute(sql.STORE_PLACES, params, prepare=True)
    for key, failure in batch.parked.items():
        _park(session, build, key, failure)


def _park(session: Session, build: Build, key: str, failure: Failure) -> None:
    params = build.id.params(key=key, position=failure.position, error=failure.error, traceback=failure.traceback)
    session.execute(sql.PARK, params)


def _portions(states: dict[str, KeyState]) -> Iterator[list[tuple[str, str, str, str, str]]]:
    portion: list[tuple[str, str, str, str, str]] = []
    characters = 0
    for key, each in states.items():
        text, places = exact_json.dumps(each.state), "" if each.places is None else _array(each.places)
        portion.append((key, str(each.events), str(each.position), text, places))
        characters += len(text) + len(places)
        if characters > _MAX_STATEMENT_CHARACTERS:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


def _array(numbers: Sequence[int]) -> str:
    """Return numbers as the text of a Postgres array."""
    return f"{{{','.join(map(str, numbers))}}}"


def _keys(keys: Collection[str]) -> str:
    return SEPARATOR.join(["", *keys])


def _move(session: Session, build: Build, position: int, rate: float, batch: Batch, *, stops: bool) -> None:
    failure = batch.failure
    params = build.id.params(
        position=position,
        rate=rate,
        status="stopped" if stops else "running",
        skipped=batch.skipped,
        unkeyed=batch.unkeyed,
        unkeyed_position=batch.unkeyed_position,
        error=failure and failure.error,
        traceback=failure and failure.traceback,
        error_position=failure and failure.position,
    )
    session.execute(sql.ADVANCE, params, prepare=True)


def _take_over(session: Session, build: Build, rival: int | None) -> None:
    if rival is not None:
        session.execute(sql.RETIRE, build.id.params(build=rival))
    session.execute(sql.MAKE_LIVE, build.id.params())
