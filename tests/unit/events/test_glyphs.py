"""The glyphs of event types: no two of 48 are alike, and neighbours differ in shape."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from events.views.glyphs import FAILED, GLYPHS, NOT_NUMBERED, SHAPES

SPRITE = Path(__file__).resolve().parent.parent.parent.parent / "templates/components/sprite.html"


def test_no_two_of_48_types_look_alike() -> None:
    assert len(set(GLYPHS)) == len(GLYPHS) == 48


def test_types_that_appear_one_after_the_other_are_told_apart_by_shape_alone() -> None:
    for first in range(len(GLYPHS)):
        neighbours = [GLYPHS[n % len(GLYPHS)] for n in range(first, first + SHAPES)]
        assert len({glyph.shape for glyph in neighbours}) == SHAPES


def test_neighbours_differ_in_colour_too() -> None:
    assert all(one.colour != other.colour for one, other in pairwise([*GLYPHS, GLYPHS[0]]))


def test_the_sprite_has_every_shape_and_no_two_are_equal() -> None:
    symbols = dict(re.findall(r'<symbol id="t-(\w+)"[^>]*>(.*?)</symbol>', SPRITE.read_text(), flags=re.DOTALL))
    assert symbols.keys() == {glyph.shape for glyph in (*GLYPHS, FAILED, NOT_NUMBERED)}
    assert len(set(symbols.values())) == len(symbols)
