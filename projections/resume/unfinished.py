"""Work that was begun and not finished, from the state of `lifecycle` and from the effects of its starts. Pure.

`lifecycle` ends a start by an outcome in the same stream. An outcome in another stream ends it here, if it names the
start as its cause and is about the same thing: `PaymentCaptured` in a ledger ends the `PaymentInitiated` of an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.catalog.moves import COMPLETED, FAILED
from projections.catalog.words import move_of


@dataclass(frozen=True, slots=True)
class Start:
    """The event that began a piece of work, which is in some state since."""

    id: str
    position: int
    type: str
    agent: str | None
    work: str
    state: str


@dataclass(frozen=True, slots=True)
class Effect:
    """An event that names another one as its cause."""

    cause: str
    position: int
    stream: str
    type: str
    agent: str | None


def starts(state: Mapping[str, Any], agent: str | None) -> list[Start]:
    """Return the starts of unfinished work in a state of `lifecycle`: those by the agent, then the others, in order."""
    found = [
        Start(id, start["position"], start["type"], start["agent"], name, work["state"])
        for name, work in state["unfinished"].items()
        for id, start in work["started"].items()
    ]
    return sorted(found, key=lambda start: (agent is not None and start.agent != agent, start.position))


def by_cause(effects: Iterable[Effect]) -> dict[str, list[Effect]]:
    """Return effects by the id of their cause."""
    result: dict[str, list[Effect]] = {}
    for effect in effects:
        result.setdefault(effect.cause, []).append(effect)
    return result


def is_ended_by(start: Start, effects: Sequence[Effect]) -> bool:
    """Whether one of the effects of a start is its outcome."""
    return any(_stem(effect.type, only_outcomes=True) == _stem(start.type) for effect in effects)


def _stem(type: str, *, only_outcomes: bool = False) -> str | None:
    """Return what a type is about, such as `payment` for `PaymentCaptured`; None if it says nothing about that."""
    found = move_of(type)
    if found is None or (only_outcomes and found[1].to not in (COMPLETED, FAILED)):
        return None
    return found[0].casefold()
