"""Why a value of a replay's state is what it is: the steps that changed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.types import Event
from projections import blame
from projections.asking import Asking
from projections.gist import Said, say
from projections.history import Rest, way_through
from projections.replay import Replay, Stop

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """A step that changed the value. `n` None: its number is not known here."""

    event: Event
    place: int
    n: int | None
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The changes up to the step that is looked at, newest first; those before and behind it, as places to go to.

    `more`: how many are not listed. `rest`: what stood there before the block that was looked through, and from where.
    """

    pointer: str
    changes: tuple[Change, ...]
    more: int
    previous: int | None
    next: int | None
    rest: Rest | None


def why(log_id: int, made: Replay, pointer: str, *, head: int) -> Asking[Why]:
    """The history of what stands at a pointer after the step of a replay.

    Raises:
        TooFar, ReducerFailed: as the state itself.
    """
    stop = made.stop
    upto = stop.event.position if stop else 0
    way = yield from way_through(log_id, made.projection, made.source, upto=upto, seen=head)
    found = way.history(pointer)
    numbers = {each.event.position: each.n for each in made.stops}
    place_of = made.source.place
    changes = [
        Change(event, place_of(event), numbers.get(event.position), tuple(map(say, touch.changes[:2])))
        for event, touch in found.touches
    ]
    earlier = [each for each in changes if stop is None or each.event.position < stop.event.position]
    return Why(
        pointer,
        tuple(changes[:_SHOWN]),
        more=max(0, len(changes) - _SHOWN),
        previous=earlier[0].place if earlier else None,
        next=_next(made.stops[made.at + 1 :], pointer),
        rest=found.rest,
    )


def _next(ahead: Sequence[Stop], pointer: str) -> int | None:
    """The next change among the steps of the window."""
    known = [(stop.place, stop.changes) for stop in ahead if stop.changes is not None]
    return next((touch.n for touch in blame.future(pointer, known)), None)
