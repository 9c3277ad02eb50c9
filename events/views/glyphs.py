"""The glyphs of event types. The types of a log take the 48 pairs of a shape and a colour in turn, by their numbers.

So the first 48 types of a log all look different. Any twelve that appeared one after the other differ in shape, and are
told apart without colour: that is most runs of agents. Neighbours differ in colour, too. More shapes would be hard to
tell apart at ten pixels; with four colours, no two look the same to a person who is colour-blind.
"""

from __future__ import annotations

from dataclasses import dataclass

from events.lists.type_numbers import TypeNumbers
from events.views.event_line import names_failure

SHAPES = 12
COLOURS = 4


@dataclass(frozen=True, slots=True)
class Glyph:
    """A colour and a shape: a stylesheet has the class `t<colour>`, the sprite the symbol `t-<shape>`."""

    colour: str
    shape: str


def _glyph(n: int) -> Glyph:
    """Return the glyph of the nth type, from 0. A shape comes back in another colour each time."""
    return Glyph(str((n + n // SHAPES) % COLOURS + 1), str(n % SHAPES + 1))


GLYPHS = tuple(map(_glyph, range(SHAPES * COLOURS)))
FAILED = Glyph("err", "error")
NOT_NUMBERED = Glyph("0", "0")
"""A dot without colour. The type gets its glyph as soon as the keeper of the lists has come to its first event."""


class Glyphs:
    """The glyphs of the types of one log, for one page or frame."""

    def __init__(self, numbers: TypeNumbers) -> None:
        self._number_of = numbers.of

    def __call__(self, type_name: str, is_failed: bool = False) -> Glyph:
        """Return the glyph of a type; the octagon if the event failed, or if the type says so."""
        if is_failed or names_failure(type_name):
            return FAILED
        number = self._number_of(type_name)
        return GLYPHS[(number - 1) % len(GLYPHS)] if number else NOT_NUMBERED
