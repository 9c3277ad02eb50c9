"""The replay debugger: a source of events and a projection, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from events.errors import NotFound
from events.json.tree import RowUrls
from events.models import Member
from events.reading.db_work import run
from events.views.event import whole_text
from events.views.page import log_page, show
from projections import registry
from projections.definition.projection import Projection
from projections.errors import StateFailed
from projections.replay.address import ReplayAddress
from projections.replay.shown import ShownState, state_to_show
from projections.replay.views.copies import Copy, copies, requested_copy
from projections.replay.views.elsewhere import wrong_place_message
from projections.replay.views.event_pane import EventPane, event_pane
from projections.replay.views.kept_window import HEADER, follow_path, window_name
from projections.replay.views.request import ReplayRequest
from projections.replay.views.seek import Outcome, ReplaySeek
from projections.replay.views.seek_panel import SeekPanel
from projections.replay.views.state_pane import StatePane, part_rows, state_pane, tree_links
from projections.replay.views.steps_pane import StepsPane, steps_pane
from projections.replay.views.why_pane import WhyPane, why_pane
from projections.replay.window import Window, window_at
from projections.states.fold import Fold
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource
from projections.values.exact_json import NotAState

_SPEEDS = (
    ("¼×", 4000), ("½×", 2000), ("1×", 1000), ("2×", 500), ("4×", 250), ("8×", 125), ("16×", 62), ("32×", 31)
)  # fmt: skip
"""The speeds of playing: their names, and for how many milliseconds each shows a step."""
_NAVIGATION: dict[type[Source], str] = {WorkflowSource: "workflows", StreamSource: "streams"}
"""The entry of the navigation that a source belongs to."""


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """The page of a step: an attribute for each pane. `window_name` is empty if list and strip can't be kept."""

    address: ReplayAddress
    window: Window
    state: StatePane
    why: WhyPane | None
    steps: StepsPane
    event: EventPane | None
    seek: SeekPanel
    outcome: Outcome | None
    window_name: str

    speeds = _SPEEDS

    @property
    def title(self) -> str:
        """The source in words."""
        return self.window.source.words

    @property
    def place(self) -> int:
        """The place of the current step."""
        return self.window.place

    @property
    def projection(self) -> Projection:
        """The projection that folds the events."""
        return self.window.projection

    @property
    def projections(self) -> list[tuple[Projection, str]]:
        """Every projection, with the address of this step by it."""
        return [(each, self.address.step(self.place, by=each.name, why=None)) for each in registry.PROJECTIONS.values()]

    @property
    def copies(self) -> list[Copy]:
        """The formats that the step can be copied in."""
        return copies(self.address, self.place)

    @property
    def follow_path(self) -> str:
        """The path of the websocket that announces new steps."""
        return follow_path(self.address.log_name, self.window.source)


@require_safe
@log_page()
def replay_page(request: HttpRequest, member: Member, kind: str, place: int, name: str = "") -> HttpResponse:
    """`/logs/<log>/replay/<kind>/<name>/<place>`; `by` names the projection, `why` a value whose history is shown.

    `?step=` goes to a step by its number, `?place=` by its place; `?text=` shows one long text of the state whole,
    `?format=` is a copy of it.
    """
    try:
        return _answer(request, member, kind=kind, name=name, place=place)
    except NotAState as error:
        raise StateFailed(f"The reducer returned a value that is not JSON: {error}") from error


def _answer(request: HttpRequest, member: Member, *, kind: str, name: str, place: int) -> HttpResponse:
    """Return the page, a part of it, a copy of the step, or a redirect.

    Raises:
        NotAState: a state on the way, or that of the step, is not JSON.
    """
    replay = ReplayRequest.parse(request, member, kind=kind, name=name, place=place)
    if isinstance(replay, str):
        return redirect(replay)
    if (named_place := replay.named_place) is not None:
        return redirect(replay.address.step(named_place))
    seek = ReplaySeek(replay)
    if answer := seek.run(request):
        return answer
    window = _window(replay.fold, place)
    is_elsewhere = _is_elsewhere(window, place)
    if is_elsewhere and "HX-Request" not in request.headers:
        messages.warning(request, wrong_place_message(replay, window))
    if is_elsewhere or replay.has_other_query:
        return redirect(replay.address.step(window.place))
    shown_state = state_to_show(replay.fold, window, replay.address, last_place=replay.extent.last)
    if shown_state.is_known and replay.is_partial:
        return _part(request, shown_state)
    if copy := requested_copy(replay, shown_state):
        return copy
    page = _page(replay, shown_state, seek)
    context = {
        "here": _NAVIGATION.get(type(window.source), "timeline"),
        "page": page,
        "is_kept": bool(page.window_name) and request.headers.get(HEADER) == page.window_name,
    }
    return show(
        request,
        member,
        template="projections/replay/page.html",
        partial="projections/replay/_replay.html",
        context=context,
    )


def _page(replay: ReplayRequest, shown_state: ShownState, seek: ReplaySeek) -> ReplayPage:
    window = shown_state.window
    state = state_pane(replay, shown_state)  # first: its job is more urgent than the jobs of the findings
    steps, panel = steps_pane(replay, window), seek.panel(window)
    return ReplayPage(
        address=replay.address,
        window=window,
        state=state,
        why=why_pane(replay, window),
        steps=steps,
        event=event_pane(replay.member, window, replay.address),
        seek=panel,
        outcome=seek.outcome,
        window_name=window_name(steps, panel.breaks),
    )


def _part(request: HttpRequest, shown_state: ShownState) -> HttpResponse:
    """A long text of the state, or a part of its tree that was opened."""
    if "text" in request.GET:
        row = whole_text(shown_state.after, request.GET["text"])
        return render(request, "components/_text.html", {"row": row, "links": RowUrls()})
    context = {"rows": part_rows(request, shown_state), "links": tree_links(shown_state)}
    return render(request, "projections/replay/_rows.html", context)


def _window(fold: Fold, place: int) -> Window:
    window = run(window_at(fold, place=place))
    if isinstance(fold.source, AgentSource) and not window.steps:
        raise NotFound(f"There are no events of an agent {fold.source.name!r}.")
    return window


def _is_elsewhere(window: Window, place: int) -> bool:
    """Whether the last step at or before a place has a place of its own. (A search may have given up before it.)"""
    return window.step.place != place if window.step else bool(place) and window.near.begins
