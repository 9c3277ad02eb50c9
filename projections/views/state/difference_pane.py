"""The difference between the states of a key at two positions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from events.json.tree import TreeRow, tree_rows
from events.models import Member
from events.reading.db_work import run
from projections.definition.projection import Projection
from projections.states.at_moment import State, difference
from projections.states.moment import NOW, Moment
from projections.values.change import Change, Json
from projections.values.tree_marks import tree_marks
from projections.views.forms import StateRequest


@dataclass(frozen=True, slots=True)
class DifferencePane:
    """Two states, the changes between them, and the second state as rows of a tree that marks the changes.

    `from_position` is the position that the request names; the last event of the first state may be an earlier one.
    """

    from_position: int
    before: State
    after: State
    changes: tuple[Change, ...]
    rows: list[TreeRow]

    @property
    def value(self) -> Json:
        """The second state as a value."""
        return self.after.value

    @property
    def counts(self) -> Counter[str]:
        """The number of changes by operation: `add`, `replace`, `remove`, `move`."""
        return Counter(change.op for change in self.changes)


def difference_pane(
    member: Member, projection: Projection, request: StateRequest, *, from_position: int, whole_text: str | None
) -> DifferencePane:
    """Return the difference from a position to the other one of a request.

    The text at the pointer `whole_text` is not cut.

    Raises:
        TooFar, ReducerFailed, NotAState, Invalid: one of the states can't be folded.
    """
    first = Moment(position=from_position)
    second = NOW if request.to_position is None else Moment(position=request.to_position)
    before, after, changes = run(difference(member.log_id, projection, request.key, first=first, second=second))
    rows = tree_rows(after.value, marks=tree_marks(changes), whole=whole_text)
    return DifferencePane(from_position, before, after, changes, rows)
