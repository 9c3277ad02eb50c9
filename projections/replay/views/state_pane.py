"""The state of a step of a replay, or what differs between two, as a tree."""

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
from projections.views.pending_job import indexed

_FOLDINGS = (("Fold unchanged", None), ("Open all", "all"), ("Changed only", "changed"))
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

    shown: ShownState
    rows: list[TreeRow]
    links: RowUrls
    scope: str
    unscoped_url: str
    foldings: list[Folding]
    counts: Counter[str]
    pinned: list[PinnedValue]
    compare_url: str
    uncompare_url: str
    failure: StateFailure | None
    job: Job | None

    @property
    def is_comparing(self) -> bool:
        """Whether the address names a step to compare with."""
        return self.shown.address.one("from") is not None

    @property
    def shows_changed_only(self) -> bool:
        """Whether the tree leaves out what the step did not change."""
        return self.shown.address.one("open") == "changed"


def state_pane(request: ReplayRequest, shown: ShownState) -> StatePane:
    """Return the state pane of a step; a state that is too far away becomes a job."""
    address, place = shown.address, shown.window.place
    scope, open_ = address.one("in") or "", address.one("open")
    return StatePane(
        shown,
        rows=_rows(shown, TreePart(scope, skip=_skip(request.http)), request.http.GET.get("text")),
        links=tree_links(shown),
        scope=scope,
        unscoped_url=address.step(place, in_=None),
        foldings=[Folding(words, address.step(place, open=value), value == open_) for words, value in _FOLDINGS],
        counts=Counter(change.op for change in shown.changes),
        pinned=[_pinned(shown, pointer) for pointer in address.all("pin")] if shown.is_known else [],
        compare_url=address.step(place, from_=str(place)),
        uncompare_url=address.step(place, from_=None),
        failure=_failure(shown),
        job=state_job(request, shown),
    )


def state_job(request: ReplayRequest, shown: ShownState) -> Job | None:
    """Return the job that folds the state, if that takes too long to wait for."""
    if shown.too_far is None:
        return None
    return indexed(request.http, request.member, shown.window.projection, shown.too_far)


def tree_links(shown: ShownState) -> RowUrls:
    """Return the addresses that the links of the tree's rows share."""
    address, place = shown.address, shown.window.place
    return RowUrls(
        part=f"{address.step(place)}{'&' if address.suffix else '?'}part=" if shown.is_known else "",
        inside=open_url(address, "in"),
        why=open_url(address, "why") if shown.is_known else "",
        text=open_url(address, "text"),
    )


def part_rows(request: HttpRequest, shown: ShownState) -> list[TreeRow]:
    """Return the rows of the part of the tree that `?part=` names, which a page asks for when somebody opens it."""
    pointer = request.GET["part"]
    depth = len(_tokens(pointer)) - len(_tokens(shown.address.one("in") or ""))
    return _rows(shown, TreePart(pointer, max(depth, 0), _skip(request)))


def _skip(request: HttpRequest) -> int:
    """Return how many items of a container are left out."""
    return whole_number(request.GET.get("skip", "")) or 0


def _rows(shown: ShownState, part: TreePart, whole_text: str | None = None) -> list[TreeRow]:
    """Return the rows of the value at a pointer; of the last good state if the reducer failed."""
    if shown.failed:
        return tree_rows(shown.failed.state)
    if not shown.is_known:
        return []
    try:
        value = at(shown.after, part.pointer)
    except LookupError:
        return []
    open_ = shown.address.one("open")
    part = replace(part, is_open=open_ == "all", only_changed=open_ == "changed")
    rows = tree_rows(value, marks=tree_marks(shown.changes), whole=whole_text, part=part)
    return list(rows_with_ends(rows, Setters(shown.window, shown.difference), shown.address, shown.window.place))


def _tokens(pointer: str) -> list[str]:
    try:
        return tokens(pointer)
    except LookupError:
        return []


def _pinned(shown: ShownState, pointer: str) -> PinnedValue:
    old, text = (_text(state, pointer) for state in (shown.before, shown.after))
    unpin_url = pin(shown.address, shown.window.place, pointer).url
    return PinnedValue(pointer, name(pointer), text, None if old == text else old, unpin_url)


def _text(state: Json, pointer: str) -> str | None:
    try:
        return short(at(state, pointer))
    except LookupError:
        return None


def _failure(shown: ShownState) -> StateFailure | None:
    if shown.failed is None:
        return None
    event, source = shown.failed.at.event, shown.window.source
    place = source.place(event)
    return StateFailure(
        event,
        url=shown.address.step(place),
        label=source.label(place),
        is_here=place == shown.window.place,
        is_of_other=shown.window.is_known,
    )
