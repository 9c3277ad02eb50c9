"""The read of a workflow's standing. It runs in one transaction, so that everything holds at one position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.leases.reads import HeldLease, leases_of
from events.pauses.reads import pauses_of
from events.pauses.target import Pause
from events.reading import store
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.sql import resume as sql
from events.subscriptions.open_deliveries import OpenDelivery, is_looked_through, open_deliveries
from events.types import Event
from projections.catalog.lifecycle import lifecycle
from projections.resume.unfinished import Effect, Start, by_cause, is_ended_by, starts
from projections.states import kept, snapshots
from projections.states.fold import BLOCK, TooFar
from projections.states.fold_cursor import FoldCursor, Point, start
from projections.states.sources.base import Source
from projections.states.sources.indexed import WorkflowSource

_MAX_CANDIDATES = 500
"""Most starts whose effects are read."""
_MAX_EFFECTS = 20
"""Most effects of one start: the newest."""
_MAX_LAST_EVENTS = 1_000
"""The newest events of a workflow among which the agent's last one is looked for."""
_ROOM_BYTES = 4 * 1024 * 1024
"""Bytes of data and metadata in each list of events."""
_OTHER_CODE = ("code changed", "newer", "unknown")
_LAST_EVENT = sql.LAST_EVENT.format(columns=store.EVENT_COLUMNS)
_EVENTS_AT = sql.EVENTS_AT.format(columns=store.EVENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Work that was begun and not finished: the event that began it, and its last effects."""

    start: Start
    event: Event
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a workflow stands at a position of the log, for an agent that goes on with it.

    `state` is that of `lifecycle`, after `events` of the workflow. Of the unfinished work, and of the deliveries, there
    may be more than these.
    """

    position: int
    state: dict[str, Any]
    events: int
    last_event: Event | None
    unfinished: Sequence[Unfinished]
    unfinished_count: int
    deliveries: Sequence[OpenDelivery]
    has_all_deliveries: bool
    leases: Sequence[HeldLease]
    pauses: Sequence[Pause]


def standing_of(log_id: int, workflow: str, *, agent: str | None, limit: int) -> DbWork[Standing]:
    """Return where a workflow stands: up to `limit` unfinished works, deliveries and leases.

    Raises:
        TooFar: the state of the workflow's life cycle takes a long fold.
        ReducerFailed: that state can't be folded.
    """
    head, cursor = yield from _lifecycle(log_id, WorkflowSource(workflow))
    state: Any = cursor.state
    yield block_by_block()
    unfinished, count = yield from _unfinished(log_id, starts(state, agent), limit=limit)
    last_events = yield last_event(log_id, workflow, agent=agent)
    deliveries = yield open_deliveries(log_id, workflow, agent=agent, room=_ROOM_BYTES, limit=limit + 1)
    [is_complete] = yield is_looked_through(log_id, workflow)
    return Standing(
        position=head,
        state=state,
        events=cursor.mark.at.events,
        last_event=last_events[0] if last_events else None,
        unfinished=unfinished,
        unfinished_count=count,
        deliveries=deliveries[:limit],
        has_all_deliveries=is_complete and len(deliveries) <= limit,
        leases=(yield leases_of(log_id, workflow, holder=agent, before=head + 1, limit=limit)),
        pauses=(yield pauses_of(log_id, agent=agent, workflow=workflow)),
    )


def last_event(log_id: int, workflow: str, *, agent: str | None) -> Statement[Event]:
    """Return the agent's last event among the newest of a workflow; without an agent, the workflow's last event."""
    params = {"log_id": log_id, "workflow": workflow, "agent": agent, "most": _MAX_LAST_EVENTS}
    return Statement(_LAST_EVENT, params, Event)


def block_by_block() -> Statement[str]:
    """Let the rest of the transaction read the events of a name block by block, instead of sorting them all."""
    return Statement(sql.BLOCK_BY_BLOCK, {}, str)


def last_effects(log_id: int, ids: Sequence[str]) -> Statement[Effect]:
    """Return the last effects of each of some events."""
    return Statement(sql.EFFECTS, {"log_id": log_id, "ids": ids, "most": _MAX_EFFECTS}, Effect)


def _lifecycle(log_id: int, source: Source) -> DbWork[tuple[int, FoldCursor]]:
    """Return the log's head, and the fold of `lifecycle` up to there: from the state that is kept, if there is one."""
    [(head, point)] = yield snapshots.newest(log_id, lifecycle, source)
    for kept_state in (yield kept.kept_state(log_id, lifecycle, source.name)):
        build = kept_state.build
        is_later = point is None or point.place < build.position
        if is_later and kept_state.parked is None and build.state not in _OTHER_CODE:
            state = kept_state.state or kept.initial(lifecycle)
            point = Point(0, build.position, state.events, state.position, state.version, 0, 0, state.text)
    cursor = FoldCursor(lifecycle, source, point or start(lifecycle))
    events = yield source.read(log_id, after=cursor.place, upto=head, limit=BLOCK + 1)
    if len(events) > BLOCK:
        raise TooFar(source, head)
    cursor.take(events, upto=head)
    return head, cursor


def _unfinished(log_id: int, begun: Sequence[Start], *, limit: int) -> DbWork[tuple[list[Unfinished], int]]:
    """Return the first starts without an outcome, and the number of all of them."""
    candidates = begun[:_MAX_CANDIDATES]
    effects = by_cause((yield last_effects(log_id, [each.id for each in candidates])))
    left = [each for each in candidates if not is_ended_by(each, effects.get(each.id, ()))]
    positions = [each.position for each in left[:limit]]
    at = {"log_id": log_id, "positions": positions, "room": _ROOM_BYTES}
    events = {event.position: event for event in (yield Statement(_EVENTS_AT, at, Event))}
    works = [
        Unfinished(each, events[each.position], effects.get(each.id, ()))
        for each in left[:limit]
        if each.position in events
    ]
    return works, len(begun) - len(candidates) + len(left)
