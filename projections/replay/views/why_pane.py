"""The pane that explains a value: the steps that set it, the causes of the last one, and its possible origins."""

from __future__ import annotations

from dataclasses import dataclass

from events.json.pointer import at
from events.query.printing import to_text
from events.query.tree import Changed
from events.reading.causes import Chain, causes_of
from events.reading.db_work import run
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.replay.address import ReplayAddress
from projections.replay.equal_values import equal_pointers
from projections.replay.views.request import ReplayRequest
from projections.replay.why import ValueChange, Why, why
from projections.replay.window import Window
from projections.states.fold import Fold, TooFar
from projections.values.change import Json
from projections.views.causes import Because


@dataclass(frozen=True, slots=True)
class Toggle:
    """A link that sets something, or removes it if it is set (`is_set`)."""

    is_set: bool
    url: str


@dataclass(frozen=True, slots=True)
class WhyPane:
    """The history of the value at `pointer`, newest change first. `why` is None if it takes too long to follow here.

    `causes` are the events that led to the last change. `equals` are pointers at which an equal value stood before it,
    each with the address of the step that shows it.
    """

    pointer: str
    why: Why | None
    pin: Toggle
    breakpoint: Toggle
    close_url: str
    chain: Chain
    causes: list[Because]
    equals: list[tuple[str, str]]


def why_pane(request: ReplayRequest, window: Window) -> WhyPane | None:
    """Return the history of the value that an address asks for, or None."""
    fold, address, place = request.fold, request.address, window.place
    pointer = address.one("why")
    if pointer is None:
        return None
    history = _history(fold, window, pointer) if window.is_known else None
    last = history.changes[0] if history and history.changes else None
    chain = run(causes_of(fold.log_id, last.event)) if last else Chain(())
    return WhyPane(
        pointer,
        history,
        pin=pin(address, place, pointer),
        breakpoint=_breakpoint(address, place, pointer),
        close_url=address.step(place, why=None),
        chain=chain,
        causes=[_cause(window, address, event) for event in chain.events],
        equals=_equals(fold, window, address, pointer, last) if last else [],
    )


def pin(address: ReplayAddress, place: int, pointer: str) -> Toggle:
    """Return the link that pins or unpins a value."""
    pins = address.all("pin")
    others = tuple(each for each in pins if each != pointer)
    is_pinned = pointer in pins
    return Toggle(is_pinned, address.step(place, pin=others if is_pinned else (*pins, pointer)))


def _breakpoint(address: ReplayAddress, place: int, pointer: str) -> Toggle:
    """Return the link that sets a breakpoint at changes of a value, or removes it."""
    texts, text = address.all("break"), to_text(Changed(pointer))
    others = tuple(each for each in texts if each != text)
    is_set = text in texts
    return Toggle(is_set, address.step(place, break_=others if is_set else (*texts, text)))


def _history(fold: Fold, window: Window, pointer: str) -> Why | None:
    try:
        return run(why(fold, window, pointer))
    except (TooFar, ReducerFailed):
        return None


def _cause(window: Window, address: ReplayAddress, event: Event) -> Because:
    """Return an event of the chain of causes, as a link if it is a step of the window."""
    for step in window.steps:
        if step.event.position == event.position:
            label = f"#{step.place:,}" if step.n is None else f"{step.n:,}"
            return Because(event, label, address.step(step.place))
    return Because(event, f"#{event.position:,}", None)


def _equals(
    fold: Fold, window: Window, address: ReplayAddress, pointer: str, last: ValueChange
) -> list[tuple[str, str]]:
    """Return the pointers at which an equal value stood before the last change, with the address of that step."""
    try:
        value = at(window.after, pointer)
        before = _state_before(fold, window, last.event)
    except (LookupError, TooFar, ReducerFailed):
        return []
    place = max(last.place - 1, 0)
    return [(each, address.step(place, why=each)) for each in equal_pointers(value, before, but=last.pointer)]


def _state_before(fold: Fold, window: Window, event: Event) -> Json:
    """Return the state before an event. It is folded only if it is not one of the window's states."""
    for i, step in enumerate(window.steps):
        if step.event.position == event.position and i - 1 in window.states:
            return window.states[i - 1]
    return run(fold.to(event.position - 1)).state
