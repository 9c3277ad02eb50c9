"""The pane that explains a value: the steps that set it, the causes of the last one, and its possible origins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True)
class WhyPane:
    """The history of the value at `pointer`, newest change first. `why` is None if it takes too long to follow here.

    `chain` holds the events that led to the last change.
    """

    fold: Fold
    window: Window
    address: ReplayAddress
    pointer: str
    why: Why | None
    chain: Chain

    @property
    def pin(self) -> Toggle:
        """The link that pins or unpins the value."""
        return pin(self.address, self.window.place, self.pointer)

    @property
    def breakpoint(self) -> Toggle:
        """The link that sets a breakpoint at changes of the value, or removes it."""
        return _breakpoint(self.address, self.window.place, self.pointer)

    @property
    def close_url(self) -> str:
        """The address of the step without this pane."""
        return self.address.step(self.window.place, why=None)

    @property
    def causes(self) -> list[Because]:
        """The events of the chain; an event of the window is a link to its step."""
        return [_cause(self.window, self.address, event) for event in self.chain.events]

    @cached_property
    def equals(self) -> list[tuple[str, str]]:
        """The pointers at which an equal value stood before the last change, each with the address of that step."""
        last = _last_change(self.why)
        return _equals(self.fold, self.window, self.address, self.pointer, last) if last else []


def why_pane(request: ReplayRequest, window: Window) -> WhyPane | None:
    """Return the history of the value that an address asks for, or None."""
    fold, address = request.fold, request.address
    pointer = address.one("why")
    if pointer is None:
        return None
    history = _history(fold, window, pointer) if window.is_known else None
    last = _last_change(history)
    chain = run(causes_of(fold.log_id, last.event)) if last else Chain(())
    return WhyPane(fold, window, address, pointer, history, chain)


def _last_change(history: Why | None) -> ValueChange | None:
    return history.changes[0] if history and history.changes else None


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
