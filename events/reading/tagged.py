"""The whole tags that a query demands: the index of tags narrows a slice of a search to the events with them.

The bounds of the slice are repeated for `event_tag`: the planner does not carry them over, and would go through all
newer events with the tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from events import sql
from events.query.tree import EVERYTHING, Name, Named, Or, Query, all_of, terms


@dataclass(frozen=True, slots=True)
class Tagged:
    """Groups of tags: an event has one or more of each group. `is_all`: nothing else is demanded of it."""

    groups: tuple[tuple[str, ...], ...] = ()
    is_all: bool = False

    def condition(self, direction: str) -> str:
        """Return the condition on the positions of a slice, in SQL."""
        form = sql.FIRST_TAGGED if self.is_all else sql.TAGGED
        conditions = [form.format(tags=", ".join(["%s"] * len(group)), order=direction) for group in self.groups]
        return " and ".join(conditions) or "true"

    def values(self, log_id: int, first: int, last: int, limit: int) -> list[int | str]:
        """Return the values of the condition."""
        values: list[int | str] = []
        for group in self.groups:
            values += [log_id, *group, first, last, *([limit] if self.is_all else [])]
        return values


class Parts(NamedTuple):
    """The parts of a query: the whole tags that it demands, and all other terms.

    A term is in one part only. If it were demanded twice, the planner would take its events for too few.
    """

    tagged: Tagged
    others: Query


def split(query: Query) -> Parts:
    """Return the parts of a query."""
    groups = [(term, _whole_tags(term)) for term in terms(query)]
    tags = tuple(group for _, group in groups if group)
    others = all_of(term for term, group in groups if not group)
    return Parts(Tagged(tags, is_all=len(tags) == 1 and others == EVERYTHING), others)


def _whole_tags(term: Query) -> tuple[str, ...]:
    """Return the tags of which a term demands one or more; nothing for a term that demands anything else."""
    parts = term.parts if isinstance(term, Or) else (term,)
    tags = [part.pattern.exact for part in parts if isinstance(part, Named) and part.name is Name.TAG]
    return tuple(filter(None, tags)) if all(tags) and len(tags) == len(parts) else ()
