"""The page of one state: an object with an attribute for each pane."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.http import HttpRequest

from events.json.tree import TreeRow, tree_rows
from events.models import Member
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.projection import STREAM, Projection
from projections.models import Job
from projections.states.fold import TooFar
from projections.states.moment import NOW, Moment
from projections.values.exact_json import NotAState
from projections.views.forms import StateRequest
from projections.views.pending_job import pending_state_job
from projections.views.state.difference_pane import DifferencePane, difference_pane
from projections.views.state.history_pane import HistoryPane, history_pane
from projections.views.state.moment_pane import MomentPane, moment_pane
from projections.views.state.slider import Slider, slider, slider_at


@dataclass(frozen=True, slots=True)
class FailedFold:
    """The event at which a reducer raised, with the rows of the state before it."""

    event: Event
    error: str
    traceback: str
    rows: list[TreeRow]


@dataclass(frozen=True, slots=True)
class StatePage:
    """The page of a state at a moment (`moment`), or of the difference between two positions (`difference`).

    A page without either says why: the address has `problems`, the fold takes a `job` or has `failed`, or the reducer
    returned a value that can't be a state (`no_state`). `history` is open beside the state of a moment.
    """

    projection: Projection
    key: str
    request: StateRequest | None = None
    problems: tuple[str, ...] = ()
    slider: Slider = field(default_factory=Slider)
    moment: MomentPane | None = None
    difference: DifferencePane | None = None
    history: HistoryPane | None = None
    job: Job | None = None
    failed: FailedFold | None = None
    no_state: str = ""

    @property
    def has_stream_key(self) -> bool:
        """Whether the key is a stream, so that moments have versions."""
        return self.projection.key is STREAM

    @property
    def is_now(self) -> bool:
        """Whether the page shows the present state."""
        return self.request is not None and self.request.at == NOW and self.request.from_position is None

    @property
    def tree(self) -> MomentPane | DifferencePane | None:
        """The pane with the tree."""
        return self.moment or self.difference


def state_page(http: HttpRequest, member: Member, projection: Projection, request: StateRequest) -> StatePage:
    """Return the page that a request asks for.

    Raises:
        Invalid: the key can't have that moment.
    """
    page = StatePage(projection, request.key, request, slider=slider(member, projection, request))
    whole_text = http.GET.get("text")
    try:
        if request.from_position is not None:
            difference = difference_pane(
                member, projection, request, from_position=request.from_position, whole_text=whole_text
            )
            return replace(page, difference=difference)
        moment = moment_pane(member, projection, request, whole_text=whole_text, params=http.GET)
        moved_slider = slider_at(page.slider, projection, request, moment.state)
        return replace(page, moment=moment, history=history_pane(member, projection, request), slider=moved_slider)
    except TooFar as too_far:
        at = NOW if page.is_now and request.before is None else Moment(position=too_far.upto)
        return replace(page, job=pending_state_job(http, member, projection, request.key, at=at, too_far=too_far))
    except ReducerFailed as failed:
        return replace(page, failed=_failed_fold(failed))
    except NotAState as error:
        return replace(page, no_state=str(error))


def _failed_fold(failed: ReducerFailed) -> FailedFold:
    return FailedFold(failed.at.event, str(failed), failed.trace, tree_rows(failed.state))
