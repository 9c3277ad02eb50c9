"""The groups of the page of dead letters: letters with the same fault, and a day of their deaths as bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count

from events.models import DeadLetter
from events.reading.db_work import DbWork
from events.subscriptions.letters import reads
from events.subscriptions.letters.letter import (
    CLOSED,
    DONE,
    ESCALATED,
    OPEN,
    RETRYING,
    SKIPPED,
    UNDONE,
    Fault,
    LetterState,
    Selection,
)
from projections.dead_letters.views.bars import Bars, bars

MAX_GROUPS = 100
MAX_DONE = 10_000
"""Most letters that are counted of those that are done."""
STATES: dict[str, tuple[LetterState, ...]] = {
    "undecided": (OPEN,),
    "retrying": (RETRYING,),
    "escalated": (ESCALATED,),
    "done": (DONE, SKIPPED, CLOSED),
}
"""The states of letters by the words of the page."""


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """The letters of one fault."""

    fault: Fault
    bars: Bars

    @property
    def id(self) -> str:
        return f"{self.fault.subscription}:{self.fault.fault}"


def letter_groups(log_id: int, selection: Selection) -> DbWork[list[LetterGroup]]:
    """The groups of the letters of a selection, those with most letters first."""
    hours: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for each in (yield from reads.deaths(log_id, selection)):
        hours[each.subscription, each.fault][each.hours_ago] = each.letters
    faults = yield from reads.faults(log_id, selection)
    return [LetterGroup(each, bars(hours[each.subscription, each.fault])) for each in faults[:MAX_GROUPS]]


def in_order(groups: Iterable[LetterGroup], ids: Sequence[str]) -> list[LetterGroup]:
    """Return the groups in the order in which a reader saw them; new ones come last."""
    places = {id: place for place, id in enumerate(ids)}
    return sorted(groups, key=lambda group: places.get(group.id, len(places)))


def counts_by_state(log_id: int) -> dict[str, int]:
    """Return the number of letters by the words of `STATES`; one more than `MAX_DONE` stands for more of them."""
    letters = DeadLetter.objects.filter(log_id=log_id)
    undone = letters.filter(state__in=UNDONE).values_list("state").annotate(letters=Count("position")).order_by()
    numbers = dict(undone)
    counts = {word: sum(numbers.get(state, 0) for state in states) for word, states in STATES.items()}
    return counts | {"done": letters.filter(state__in=STATES["done"])[: MAX_DONE + 1].count()}
