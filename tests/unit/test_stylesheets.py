"""The rules of the stylesheets: contrast is computed, all colours are in one file, nothing is inline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, product
from math import dist
from operator import mul
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHEETS = sorted((ROOT / "static/css").rglob("*.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

_TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TOKENS = {name: (light, dark) for name, light, dark in _TOKEN.findall((ROOT / "static/css/tokens.css").read_text())}

SURFACES = ("paper", "chrome", "hover", "raised", "sunken")
TEXTS = ("ink", "ink-2", "ink-3", "now-ink", "error", "warn", "changed", "added", "removed")
VALUES = ("v-string", "v-number", "v-atom")
TEXT_PAIRS = [
    *product((*TEXTS, *VALUES), SURFACES),
    *product(("ink", "ink-2", "ink-3", "error"), ("select",)),
    *product(("ink-2", "ink-3"), ("changed-wash", "added-wash", "now-wash")),
    *((name, f"{name}-wash") for name in ("removed", "changed", "added", "warn", "error")),
    ("paper-on-ink", "ink"),
    ("inverse-ink", "inverse"),
    ("inverse-ink-2", "inverse"),
    ("on-now-inverse", "now-inverse"),
    ("now-ink", "now-wash"),
]
SHAPE_PAIRS = [
    *product((f"t{colour}" for colour in range(1, 5)), ("paper", "chrome", "hover", "select", "now-wash")),
    *product(("now", "control"), ("paper", "chrome")),
]


# How linear red, green and blue are seen without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHTS = {
    "full": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
# Oklab (Ottosson 2020), in which equal distances look equal: from linear light to cones, from these to L, a and b.
TO_CONES = (
    (0.41222147, 0.53633254, 0.05144599),
    (0.2119035, 0.68069955, 0.10739696),
    (0.08830246, 0.28171884, 0.6299787),
)
TO_OKLAB = (
    (0.21045426, 0.79361779, -0.00407205),
    (1.9779985, -2.42859221, 0.45059371),
    (0.02590404, 0.78277177, -0.80867577),
)


def linear(colour: str) -> list[float]:
    """Return red, green and blue, each from 0 to 1 in proportion to its light."""
    shares = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(map(mul, row, vector)) for row in matrix]


def seen(name: str, theme: int, sight: str) -> list[float]:
    """Return a token's colour in Oklab, as somebody with that sight sees it."""
    light = [min(max(part, 0), 1) for part in times(SIGHTS[sight], linear(TOKENS[name][theme]))]
    return times(TO_OKLAB, [cone ** (1 / 3) for cone in times(TO_CONES, light)])


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, theme: int) -> float:
    low, high = sorted(luminance(TOKENS[name][theme]) for name in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_on_every_surface_that_it_stands_on(theme: int) -> None:
    assert [pair for pair in TEXT_PAIRS if contrast(*pair, theme) < 4.5] == []


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_glyphs_and_edges_have_a_contrast_of_3(theme: int) -> None:
    assert [pair for pair in SHAPE_PAIRS if contrast(*pair, theme) < 3] == []


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_the_colours_of_event_types_are_far_apart_for_every_sight(theme: int, sight: str) -> None:
    # Two colours side by side are told apart at a distance of 0.02.
    pairs = combinations((f"t{colour}" for colour in range(1, 5)), 2)
    assert [pair for pair in pairs if dist(*(seen(name, theme, sight) for name in pair)) < 0.1] == []


@pytest.mark.parametrize("sheet", [sheet for sheet in SHEETS if sheet.name != "tokens.css"], ids=lambda path: path.name)
def test_colours_stand_in_the_tokens_only(sheet: Path) -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*})|rgba?\(|hsla?\(", sheet.read_text()) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_token_that_is_used_is_there(sheet: Path) -> None:
    defined = set(re.findall(r"(--[\w-]+)\s*:", "".join(each.read_text() for each in SHEETS)))
    assert set(re.findall(r"var\((--[\w-]+)", sheet.read_text())) <= defined


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_has_inline_script_style_or_handlers(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|<style|<script(?![^>]*\ssrc=)", text)
    assert "|safe" not in text


def words_of(path: Path) -> set[str]:
    """The words in quoted texts of a template or script, where classes are named."""
    quoted = re.findall(r"\"([^\"]*)\"|'([^'\n]*)'|`([^`]*)`", path.read_text())
    return {word for texts in quoted for text in texts for word in re.findall(r"[A-Za-z][\w-]*", text)}


def test_every_class_that_a_stylesheet_names_is_a_word_of_a_template_or_script() -> None:
    sources = [*TEMPLATES, *(ROOT / "static/js").rglob("*.js")]
    words = set().union(*map(words_of, sources))
    computed = re.compile(
        r"t[0-4]|d\d+|v-([anc]|call|fact)|success|replay-app"
    )  # by `glyphs`, depth, kind, message; and by a block
    unused = {}
    for sheet in SHEETS:
        if sheet.name == "api-docs.css":  # named by Swagger's scripts
            continue
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
        names = {
            name for selector in re.findall(r"([^{}]+)\{", text) for name in re.findall(r"\.([A-Za-z][\w-]*)", selector)
        }
        if missing := {name for name in names - words if not computed.fullmatch(name)}:
            unused[sheet.name] = missing
    assert unused == {}
