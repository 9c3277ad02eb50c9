"""The pane with the state that the consumer of a letter saw: the state before its event."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.http import HttpRequest

from events.json.tree import LastSetter, TreeRow, tree_rows
from events.models import Member
from events.reading.db_work import run
from events.subscriptions.letters.letter import Letter
from events.types import Event
from projections import registry
from projections.dead_letters.state_before import StateBefore, place_before, source_of, state_before
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.errors import NoSuchProjection
from projections.models import Job
from projections.replay.address import ReplayAddress
from projections.states.fold import TooFar
from projections.values.exact_json import NotAState
from projections.views.pending_job import pending_source_job


@dataclass(frozen=True, slots=True)
class StatePane:
    """The state before an event; without `before`, one of `job`, `failure` and `problem` says why it is not known.

    `address` is that of its replay, and `place` that of the step before the event.
    """

    address: ReplayAddress
    place: int
    before: StateBefore | None = None
    rows: tuple[TreeRow, ...] = ()
    job: Job | None = None
    failure: ReducerFailed | None = None
    problem: str = ""

    @property
    def step_url(self) -> str:
        """The address of the step in the replay debugger."""
        return self.address.step(self.place)

    def compare_url(self, head: int) -> str:
        """The address of the difference from that step to the last one up to a position."""
        return f"{self.address.step(self.place, from_=str(self.place))}&place={head}"


def replay_before(member: Member, letter: Letter, event: Event) -> StatePane:
    """Return the pane without a state: the replay that leads to the step before the event of a letter."""
    source = source_of(letter.order_by, event)
    address = ReplayAddress(member.log.name, source, {"by": letter.projection})
    return StatePane(address, run(place_before(member.log_id, source, event)))


def state_pane(request: HttpRequest, member: Member, letter: Letter, event: Event) -> StatePane:
    """Return the state that the consumer of a letter saw, by the projection of its subscription."""
    pane = replay_before(member, letter, event)
    try:
        projection = registry.get(letter.projection)
        before = run(state_before(member.log_id, projection, pane.address.source, event))
    except NoSuchProjection as error:
        return replace(pane, problem=error.detail)
    except TooFar as too_far:
        return replace(pane, job=pending_source_job(request, member, projection, too_far))
    except ReducerFailed as failure:
        return replace(pane, failure=failure)
    except NotAState as error:
        return replace(pane, problem=str(error))
    return replace(pane, before=before, rows=_rows(pane.address, projection, before))


def _rows(address: ReplayAddress, projection: Projection, before: StateBefore) -> tuple[TreeRow, ...]:
    """Return the rows of the state, each value with the event that last set it, as far as its block tells."""
    way = before.way
    rows = tree_rows(way.state.value)
    events = way.setters(row.pointer for row in rows if row.shape in ("leaf", "text", "open"))

    def setter(row: TreeRow) -> LastSetter | None:
        event = events.get(row.pointer)
        if event is None:
            return None
        place = address.source.place(event)
        return LastSetter("", event.position, address.step(place), event.type, event.agent)

    return tuple(replace(row, end=setter(row)) for row in rows)
