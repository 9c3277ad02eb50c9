"""The pane with the state of a step of a replay, or the difference between two steps, as a tree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from django.http import HttpRequest

from events.digits import whole_number
from events.json.pointer import at, tokens
from events.json.tree import RowUrls, TreePart, TreeRow, tree_rows
from events.types import Event
from projections.models import Job
from projections.replay.drawing.pinned_tracks import name, short
from projections.replay.shown import ShownState
from projections.replay.views.request import ReplayRequest
from projections.replay.views.state_tree import Setters, open_url, rows_with_ends
from projections.replay.views.why_pane import pin
from projections.values.change import Json
from projections.values.tree_marks import tree_marks
from projections.views.pending_job import pending_source_job

_FOLDINGS = (("Collapse unchanged", None), ("Open all", "all"), ("Changed only", "changed"))
"""The ways to fold the tree: their words, and the value of `open` in the address."""


@dataclass(frozen=True, slots=True)
class PinnedValue:
    """A pinned value. `text` is None if it does not exist. `old` is its text before the step, if that differs."""

    pointer: str
    name: str
    text: str | None
    old: str | None
    unpin_url: str


@dataclass(frozen=True, slots=True)
class Folding:
    """A way to fold the tree, as a link."""

    words: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class StateFailure:
    """The step at which the reducer raised, so that there is no state.

    `is_of_other`: the step that is compared with has no state, while the current one has.
    """

    event: Event
    url: str
    label: str
    is_here: bool
    is_of_other: bool


@dataclass(frozen=True, slots=True)
class StatePane:
    """The tree of a state with its heading. `job` folds the state if that takes too long to wait for."""

    shown_state: ShownState
    rows: list[TreeRow]
    links: RowUrls
    scope: str
    unscoped_url: str
    foldings: list[Folding]
    counts: Counter[str]
    pinned_values: list[PinnedValue]
    compare_url: str
    uncompare_url: str
    failure: StateFailure | None
    job: Job | None

    @property
    def is_comparing(self) -> bool:
        """Whether the address names a step to compare with."""
        return self.shown_state.address.one("from") is not None

    @property
    def shows_changed_only(self) -> bool:
        """Whether the tree leaves out the values that the step did not change."""
        return self.shown_state.address.one("open") == "changed"


def state_pane(request: ReplayRequest, shown_state: ShownState) -> StatePane:
    """Return the state pane of a step; a state that is too far away becomes a job."""
    address, place = shown_state.address, shown_state.window.place
    scope, open_mode = address.one("in") or "", address.one("open")
    return StatePane(
        shown_state,
        rows=_rows(shown_state, TreePart(scope, skip=_skip(request.http)), request.http.GET.get("text")),
        links=tree_links(shown_state),
        scope=scope,
        unscoped_url=address.step(place, in_=None),
        foldings=[Folding(words, address.step(place, open=value), value == open_mode) for words, value in _FOLDINGS],
        counts=Counter(change.op for change in shown_state.changes),
        pinned_values=[_pinned(shown_state, pointer) for pointer in address.all("pin")] if shown_state.is_known else [],
        compare_url=address.step(place, from_=str(place)),
        uncompare_url=address.step(place, from_=None),
        failure=_failure(shown_state),
        job=state_job(request, shown_state),
    )


def state_job(request: ReplayRequest, shown_state: ShownState) -> Job | None:
    """Return the job that folds the state, if that takes too long to wait for."""
    if shown_state.too_far is None:
        return None
    return pending_source_job(request.http, request.member, shown_state.window.projection, shown_state.too_far)


def tree_links(shown_state: ShownState) -> RowUrls:
    """Return the addresses that the links of the tree's rows share."""
    address, place = shown_state.address, shown_state.window.place
    return RowUrls(
        part=f"{address.step(place)}{'&' if address.suffix else '?'}part=" if shown_state.is_known else "",
        inside=open_url(address, "in"),
        why=open_url(address, "why") if shown_state.is_known else "",
        text=open_url(address, "text"),
    )


def part_rows(request: HttpRequest, shown_state: ShownState) -> list[TreeRow]:
    """Return the rows of the part of the tree that `?part=` names, which a page asks for when somebody opens it."""
    pointer = request.GET["part"]
    depth = len(_tokens(pointer)) - len(_tokens(shown_state.address.one("in") or ""))
    return _rows(shown_state, TreePart(pointer, max(depth, 0), _skip(request)))


def _skip(request: HttpRequest) -> int:
    """Return how many items of a container are left out."""
    return whole_number(request.GET.get("skip", "")) or 0


def _rows(shown_state: ShownState, part: TreePart, whole_text: str | None = None) -> list[TreeRow]:
    """Return the rows of the value at a pointer; of the last good state if the reducer failed."""
    if shown_state.failure:
        return tree_rows(shown_state.failure.state)
    if not shown_state.is_known:
        return []
    try:
        value = at(shown_state.after, part.pointer)
    except LookupError:
        return []
    open_mode = shown_state.address.one("open")
    part = replace(part, is_open=open_mode == "all", only_changed=open_mode == "changed")
    rows = tree_rows(value, marks=tree_marks(shown_state.changes), whole=whole_text, part=part)
    return list(
        rows_with_ends(
            rows, Setters(shown_state.window, shown_state.difference), shown_state.address, shown_state.window.place
        )
    )


def _tokens(pointer: str) -> list[str]:
    try:
        return tokens(pointer)
    except LookupError:
        return []


def _pinned(shown_state: ShownState, pointer: str) -> PinnedValue:
    old, text = (_text(state, pointer) for state in (shown_state.before, shown_state.after))
    unpin_url = pin(shown_state.address, shown_state.window.place, pointer).url
    return PinnedValue(pointer, name(pointer), text, None if old == text else old, unpin_url)


def _text(state: Json, pointer: str) -> str | None:
    try:
        return short(at(state, pointer))
    except LookupError:
        return None


def _failure(shown_state: ShownState) -> StateFailure | None:
    if shown_state.failure is None:
        return None
    event, source = shown_state.failure.at.event, shown_state.window.source
    place = source.place(event)
    return StateFailure(
        event,
        url=shown_state.address.step(place),
        label=source.label(place),
        is_here=place == shown_state.window.place,
        is_of_other=shown_state.window.is_known,
    )
