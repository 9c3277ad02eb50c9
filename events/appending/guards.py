"""Guards: what must hold for an append besides its ids, its key and its expected version.

The database asks them under the log's lock, last of all (`run_guards.sql`). A guard is one class here and one function
there. To the plan of a flush a guard says what it knows before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import orjson
from psycopg.sql import Literal

from events.appending.names import LatestNames
from events.errors import ConditionFailed, EventsError
from events.query.compiled import Compiled, compiled
from events.query.match import Subject, Test
from events.query.tree import Numbered, Query, Since, Until, leaves, payload_terms
from events.types import Append


class Rights(Protocol):
    """The rights of a writer in the log, of which a guard may need some."""

    @property
    def agent(self) -> str | None:
        """The only agent as which it may act; None: as any."""

    @property
    def stream_prefix(self) -> str:
        """The beginning of the names of the streams that it reaches."""

    def check_append(self, stream: str) -> None:
        """Raise an error if it may not append to a stream."""

    def check_reading(self) -> None:
        """Raise an error if it may not read."""

    def check_consuming(self) -> None:
        """Raise an error if it may not take and settle deliveries."""

    def narrowed(self, query: Query) -> Query:
        """Return the query for the events of a query that it may see."""


class Guard(Protocol):
    """One guard of an append. It never changes; what is found out about it makes a new one."""

    kind: ClassVar[str]
    """Its member in the parameter of `run_guards()`."""
    sets_rules: ClassVar[bool]
    """Whether its append sets a rule of the log."""

    @property
    def claim(self) -> str | None:
        """The name that no other append of the same flush may claim: the other one waits."""

    @property
    def refusal(self) -> EventsError | None:
        """The error of the append, if it is known already that it can't be written."""

    @property
    def needs_check(self) -> bool:
        """Whether the log must be looked at before the lock is taken."""

    def limited(self, rights: Rights) -> Self:
        """Return the guard for a writer with some rights.

        Raises:
            Forbidden: the writer may not have such a guard.
        """

    @property
    def terms(self) -> int:
        """The number of terms that the database tests for it under the log's lock."""

    @property
    def reads(self) -> int:
        """The number of these terms that read data or metadata."""

    def may_mind_names(self, names: Callable[[], LatestNames]) -> bool:
        """Return whether one of some events that are not written yet may stand against the append, by their names."""

    @property
    def may_mind(self) -> Test:
        """The function that tells whether an event may stand against the append.

        The event is not written yet: its place and its times mean nothing.
        """

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        """Return what its function needs; None if it agrees, unless an event came after those that are known.

        `first` and `last` are the places of the append's events in the flush, and `names` are of the log's last events,
        if this process knows any.
        """

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        """Return the error of the append that its function refused."""


class DatabaseGuard:
    """A guard that the database alone decides: nothing is known of it before, whatever else is planned."""

    sets_rules: ClassVar[bool] = False
    claim: ClassVar[str | None] = None
    refusal: ClassVar[EventsError | None] = None
    needs_check: ClassVar[bool] = False
    terms: ClassVar[int] = 0
    reads: ClassVar[int] = 0

    def limited(self, rights: Rights) -> Self:
        return self

    def may_mind_names(self, names: Callable[[], LatestNames]) -> bool:
        return False

    def may_mind(self, subject: Subject) -> bool:
        return False

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        raise AssertionError("it refuses nothing")


@dataclass(frozen=True)
class Condition:
    """Nothing that fits a query, whose times are pinned, may have come after a position.

    The log was looked at up to `checked_to`, and `refusal` says what stood against it.
    """

    kind: ClassVar[str] = "if"
    sets_rules: ClassVar[bool] = False
    claim: ClassVar[str | None] = None
    query: Query
    none_after: int
    checked_to: int
    refusal: EventsError | None = None

    @property
    def needs_check(self) -> bool:
        """Whether it reads payloads and was not checked yet: under the lock as few of them as possible are read."""
        return self.refusal is None and self.checked_to == self.none_after and self.reads > 0

    def limited(self, rights: Rights) -> Self:
        rights.check_reading()  # a condition tells what the log holds
        return replace(self, query=rights.narrowed(self.query))

    def checked(self, upto: int) -> Self:
        """Return the condition after nothing was found up to a position."""
        return replace(self, checked_to=upto)

    def refused(self, error: EventsError) -> Self:
        return replace(self, refusal=error)

    @property
    def terms(self) -> int:
        return sum(1 for _ in leaves(self.query))

    @property
    def reads(self) -> int:
        return payload_terms(self.query)

    def may_mind_names(self, names: Callable[[], LatestNames]) -> bool:
        return not names().exclude(self.query, 0)

    @property
    def may_mind(self) -> Test:
        asks_for_place = any(isinstance(leaf, Numbered | Since | Until) for leaf in leaves(self.query))
        return (lambda event: True) if asks_for_place else self._forms.test

    @property
    def _forms(self) -> Compiled:
        return compiled(self.query)

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        if names is not None and names.exclude(self.query, self.checked_to):
            return None
        return {"after": self.checked_to, "fits": _with_literals(self._forms), "reads": self.reads}

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        return condition_failed(self, {name: refusal[name] for name in ("position", "stream", "type", "id")})


def condition_failed(condition: Condition, event: Mapping[str, object]) -> ConditionFailed:
    """Return the error of an append for which an event stands against a condition."""
    return ConditionFailed(
        f"The event at position {event['position']} fits the condition's query and came after {condition.none_after}.",
        none_after=condition.none_after,
        event=dict(event),
    )


@lru_cache(maxsize=256)
def _with_literals(query: Compiled) -> str:
    """Return the SQL of a query with its values as literals. To make these takes as long as an append."""
    return query.text % tuple(Literal(value).as_string() for value in query.values)


class GuardedAppend(NamedTuple):
    """An append of a flush, with the places of its first and last event there, from 1."""

    append: Append
    first: int
    last: int


def guards_parameter(appends: Iterable[GuardedAppend], names: LatestNames | None) -> str:
    """Return the guards of a flush's appends as JSON for `run_guards()`; an empty text if there is none."""
    members: dict[str, Any] = {}
    for number, (append, first, last) in enumerate(appends):
        for place, guard in enumerate(append.guards):
            if (parameters := guard.parameters(first, last, names)) is not None:
                members.setdefault(guard.kind, []).append({"append": number, "guard": place, **parameters})
            elif names is not None:
                members["upto"] = names.upto
    return orjson.dumps(members).decode() if members else ""
