"""The rules of the stylesheets: contrast is computed, all colours are in one file, nothing is inline."""

from __future__ import annotations

import re
from itertools import product
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
    *product((f"t{slot}" for slot in range(1, 9)), ("paper", "chrome", "hover", "select", "now-wash")),
    *product(("now", "control"), ("paper", "chrome")),
]


def luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
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
    computed = re.compile(r"t[1-8]|d\d+|v-[anc]|success|replay-app")  # by `slot`, depth, kind, message; and by a block
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
