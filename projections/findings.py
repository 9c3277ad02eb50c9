"""What projections found wrong in a source: updates that were lost, and what happened out of order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from events import store
from projections.asking import run
from projections.catalog.collisions import collisions
from projections.catalog.lifecycle import lifecycle
from projections.sources import Source
from projections.states import Pace, TooFar, fold_to
from projections.types import Projection

_SHOWN = 200
_PACE = Pace(most=300)
"""They stand beside what was asked for: so it folds less than a block for them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`position` is that of the event it was found at, `place` where that stands in the source."""

    position: int
    what: str
    words: str
    is_sure: bool = True
    place: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The newest ones up to a position, in order. `missing`: the projections that were too far to be asked."""

    found: tuple[Finding, ...] = ()
    missing: tuple[tuple[Projection, TooFar], ...] = ()

    @property
    def sure(self) -> frozenset[int]:
        """The positions where something is wrong beyond doubt."""
        return frozenset(each.position for each in self.found if each.is_sure)

    @property
    def possible(self) -> frozenset[int]:
        """Those where something may be."""
        return frozenset(each.position for each in self.found) - self.sure

    def at(self, position: int) -> list[Finding]:
        return [each for each in self.found if each.position == position]


def findings(log_id: int, source: Source, *, upto: int, head: int) -> Findings:
    """What there is up to a position, where that takes no long fold."""
    found: list[Finding] = []
    missing = []
    for projection, read in ((collisions, _lost), (lifecycle, _illegal)):
        try:
            state: Any = run(fold_to(log_id, projection, source, upto=upto, seen=head, pace=_PACE)).state
            found += read(state)
        except TooFar as too_far:
            missing.append((projection, too_far))
    newest = sorted(found, key=lambda each: each.position)[-_SHOWN:]
    places = _places(log_id, source, {each.position for each in newest})
    listed = (replace(each, place=places[each.position]) for each in newest if each.position in places)
    return Findings(tuple(listed), tuple(missing))


def _lost(state: dict[str, Any]) -> Iterator[Finding]:
    for each in [*state["lost_updates"], *state["possible_ones"]]:
        by, overwritten = each["by"], each["overwritten"]
        who, whose = by["agent"] or "somebody", overwritten["agent"] or "somebody"
        words = f"{who} overwrote {each['key']} by {whose} (#{overwritten['position']:,}): {each['because']}"
        is_sure = each["verdict"] == "lost update"
        yield Finding(by["position"], "Lost update" if is_sure else "Possible lost update", words, is_sure)


def _illegal(state: dict[str, Any]) -> Iterator[Finding]:
    for each in state["illegal_transitions"]:
        allowed = " or ".join(each["allowed_from"])
        words = f"{each['type']} came while {each['work']} was {each['from']}; expected {allowed}"
        yield Finding(int(each["id"]), "Out of order", words)


def _places(log_id: int, source: Source, positions: set[int]) -> dict[int, int]:
    if source.kind != "stream" or not positions:
        return {position: position for position in positions}
    events = store.events(log_id, Q(position__in=positions), limit=len(positions)).fetch()
    return {event.position: source.place(event) for event in events}
