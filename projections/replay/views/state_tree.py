"""The state of a step as a tree: each value with its setter and a pin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from events.json.tree import TreeRow
from events.json.value import visible
from events.types import Event
from projections.replay.address import MAX_REPETITIONS, ReplayAddress
from projections.replay.compare import Difference
from projections.replay.window import Window
from projections.values.blame import Changes
from projections.values.last_set import setters


@dataclass(frozen=True, slots=True)
class Setter:
    """The step that set a value: `label` is its number or place, `event` is None if it was not searched that far back.

    `is_shown`: the event is one of those whose changes the page shows.
    """

    label: str
    event: Event | None = None
    is_shown: bool = False

    @property
    def agent(self) -> str | None:
        return self.event.agent if self.event else None

    @property
    def words(self) -> str:
        if self.event is None:
            return (
                "The value is from the initial state" if self.label == "0" else "An earlier step set it: find out which"
            )
        by = f" by {visible(self.event.agent)}" if self.event.agent else ""
        return f"Set at step {self.label}, {visible(self.event.type)}{by}"

    @property
    def since(self) -> str:
        return f" since {self.label}" if self.event else ""


class Setters:
    """The setters of values, from the steps of the window, or from the steps between two that are compared."""

    def __init__(self, window: Window, difference: Difference | None) -> None:
        self._numbers = {step.event.position: step.n for step in window.steps}
        self._source = window.source
        self._removers: dict[str, Event] = {}
        if difference is None:
            self._events, self._steps, self._rest = _of_window(window)
            self._shown: set[int] = set()
            if step := window.step:
                self._shown = {step.event.position}
                self._removers = {change.path: step.event for change in window.changes if change.op == "remove"}
            return
        self._events = {event.position: event for event in difference.way.events}
        self._shown = set(self._events)
        self._steps = difference.steps
        first = difference.first
        self._rest = Setter(f"≤ {_label(first.n, first.place)}" if difference.is_whole else "earlier")
        for change, maker in zip(difference.changes, difference.makers, strict=True):
            if change.op == "remove" and maker:
                self._removers[change.path] = maker

    def of(self, rows: Iterable[TreeRow]) -> dict[str, Setter]:
        """Return the setters of the values in some rows, by pointer."""
        pointers = [row.pointer for row in rows if row.shape in ("leaf", "text", "open") and row.mark != "del"]
        positions = setters(pointers, self._steps)
        by = {
            pointer: self._setter(self._events[positions[pointer]]) if pointer in positions else self._rest
            for pointer in pointers
        }
        return by | {pointer: self._setter(event) for pointer, event in self._removers.items()}

    def _setter(self, event: Event) -> Setter:
        place = self._source.place(event)
        n = place if self._source.is_numbered else self._numbers.get(event.position)
        return Setter(_label(n, place), event, event.position in self._shown)


def _of_window(window: Window) -> tuple[dict[int, Event], list[Changes], Setter]:
    """Return the events of a window, its steps back from the current one with known changes, and the setter before."""
    steps: list[Changes] = []
    for step in reversed(window.steps[: window.at + 1]):
        if step.changes is None:
            break
        steps.append((step.event.position, step.changes))
    events = {step.event.position: step.event for step in window.steps}
    first = window.steps[window.at + 1 - len(steps)] if window.at >= 0 else None
    if first is None or (first.n == 1 and len(steps) == window.at + 1):
        return events, steps, Setter("0")
    return events, steps, Setter("earlier" if first.n is None else f"≤ {first.n - 1:,}")


def _label(n: int | None, place: int) -> str:
    return f"#{place:,}" if n is None else f"{n:,}"


@dataclass(frozen=True, slots=True)
class RowEnd:
    """The end of a row: the setter of its value, and the address that pins or unpins it.

    The address is empty if the value can't be pinned.
    """

    setter: Setter | None
    pin_url: str
    is_pinned: bool


def rows_with_ends(rows: list[TreeRow], by: Setters, address: ReplayAddress, place: int) -> Iterator[TreeRow]:
    """Yield the rows with their ends; folded containers that did not change name the step that set them last."""
    ends = _Ends(address, place)
    setter_of = by.of(rows)
    for row in rows:
        setter = setter_of.get(row.pointer)
        if row.shape not in ("leaf", "text", "open"):
            yield row
        elif setter is None or (row.shape == "open" and row.unfolded):
            yield replace(row, end=ends.of(row, None))
        elif row.shape == "open" and not row.mark and not setter.is_shown:
            yield replace(row, text=f"{row.text} unchanged{setter.since}", end=ends.of(row, setter))
        else:
            yield replace(row, end=ends.of(row, setter))


class _Ends:
    """Makes the ends of rows. There may be hundreds, so the shared part of their links is made once."""

    def __init__(self, address: ReplayAddress, place: int) -> None:
        self.pins = address.all("pin")
        self.address = address
        self.place = place
        self.pin_url = open_url(address, "pin", keep=self.pins)

    def of(self, row: TreeRow, setter: Setter | None) -> RowEnd:
        is_pinned = row.pointer in self.pins
        if row.mark == "del" or (len(self.pins) >= MAX_REPETITIONS and not is_pinned):
            return RowEnd(setter, "", is_pinned)
        if not is_pinned:
            return RowEnd(setter, f"{self.pin_url}{quote(row.pointer, safe='')}", is_pinned)
        others = tuple(each for each in self.pins if each != row.pointer)
        return RowEnd(setter, self.address.step(self.place, pin=others), is_pinned)


def open_url(address: ReplayAddress, name: str, *, keep: tuple[str, ...] = ()) -> str:
    """Return the query string with one more parameter, up to its value.

    It leaves out the step, so that an unchanged row is the same from step to step, and is not drawn again.
    """
    query = address.query_string(**{name: keep})
    return f"{query}&{name}=" if query else f"?{name}="
