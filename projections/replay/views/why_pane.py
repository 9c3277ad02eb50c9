"""Why a value of a state is what it is: the steps that set it, what led to the last one, where it may be from."""

from __future__ import annotations

from typing import Any

from events.json.pointer import at
from events.query.printing import to_text
from events.query.tree import Changed
from events.reading.causes import Chain, causes_of
from events.reading.db_work import run
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.replay.address import Address
from projections.replay.equal_values import equals
from projections.replay.why import Change, Why, why
from projections.replay.window import Replay
from projections.states.fold import Fold, TooFar
from projections.values.change import Json
from projections.views.causes import Because


def replay_why(fold: Fold, made: Replay, address: Address) -> dict[str, Any]:
    """The history of the value that an address asks for; nothing where it asks for none."""
    pointer, place = address.one("why"), made.stop.place if made.stop else 0
    if pointer is None:
        return {"why_of": None, "why": None}
    found = _why(fold, made, pointer) if made.is_known else None
    last = found.changes[0] if found and found.changes else None
    chain = run(causes_of(fold.log_id, last.event)) if last else Chain(())
    return {
        "why_of": pointer,
        "why": found,
        "why_pin": pin(address, place, pointer),
        "why_break": _break(address, place, pointer),
        "unwhy_url": address.step(place, why=None),
        "chain": chain,
        "because": [_because(made, address, event) for event in chain.events],
        "equals": _equals(fold, made, address, pointer, last) if last else [],
    }


def pin(address: Address, place: int, pointer: str) -> dict[str, Any]:
    """Whether a value is pinned, and the way to the other."""
    pins = address.all("pin")
    others = tuple(each for each in pins if each != pointer)
    is_pinned = pointer in pins
    return {"is_pinned": is_pinned, "url": address.step(place, pin=others if is_pinned else (*pins, pointer))}


def _break(address: Address, place: int, pointer: str) -> dict[str, Any]:
    """Whether a change of a value is a breakpoint, and the way to the other."""
    texts, text = address.all("break"), to_text(Changed(pointer))
    others = tuple(each for each in texts if each != text)
    is_set = text in texts
    return {"is_set": is_set, "url": address.step(place, break_=others if is_set else (*texts, text))}


def _why(fold: Fold, made: Replay, pointer: str) -> Why | None:
    try:
        return run(why(fold, made, pointer))
    except (TooFar, ReducerFailed):
        return None


def _because(made: Replay, address: Address, event: Event) -> Because:
    for stop in made.stops:
        if stop.event.position == event.position:
            n = f"#{stop.place:,}" if stop.n is None else f"{stop.n:,}"
            return Because(event, n, address.step(stop.place))
    return Because(event, f"#{event.position:,}", None)


def _equals(fold: Fold, made: Replay, address: Address, pointer: str, last: Change) -> list[tuple[str, str]]:
    """Pointers at which an equal value stood before the last change, each with the step before that, which shows it."""
    try:
        value = at(made.after, pointer)
        before = _before(fold, made, last.event)
    except (LookupError, TooFar, ReducerFailed):
        return []
    place = max(last.place - 1, 0)
    return [(each, address.step(place, why=each)) for each in equals(value, before, but=last.pointer)]


def _before(fold: Fold, made: Replay, event: Event) -> Json:
    """The state before an event, which is known already if it is one of the window's."""
    for i, stop in enumerate(made.stops):
        if stop.event.position == event.position and i - 1 in made.states:
            return made.states[i - 1]
    return run(fold.to(event.position - 1)).state
