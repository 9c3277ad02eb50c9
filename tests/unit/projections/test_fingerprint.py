"""Fingerprints: the same for the same meaning, another for another."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from projections import upcasting
from projections.fingerprint import _code, _imports, fingerprint
from projections.registry import collect
from projections.types import AGENT, STREAM, Projection
from projections.upcasting import Chains, Upcaster

CODE = '''
from projections.types import Projection
from projections.upcasting import upcaster
from shop.prices import cents

orders = Projection("orders", about="", settings=SETTINGS)
other = Projection("other", about="")

@orders.on("OrderPlaced")
def placed(state, happened):
    """Says what it does."""
    return cents(happened.data)  # why

@other.on("OrderPaid")
def paid(state, happened):
    return 1

@upcaster("OrderPlaced", 1)
def newer(data):
    return UPCAST
'''
Load: TypeAlias = Callable[..., str]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """The fingerprint of `orders` in an app `shop` of that code."""
    shops = iter(range(100))
    kept = upcasting.current()

    def write(code: str = CODE, prices: str = "def cents(data): return data", *, package: str = "") -> str:
        home = tmp_path / str(next(shops))
        (home / "shop").mkdir(parents=True)
        code = code.replace("SETTINGS", "None").replace("UPCAST", "data")
        for name, text in (("__init__", package), ("prices", prices), ("unrelated", ""), ("projections", code)):
            (home / "shop" / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(home))
        forget()
        found = collect([importlib.import_module("shop.projections")])
        upcasting.use(Chains(found.upcasters))
        return fingerprint(found.projections[0])

    yield write
    upcasting.use(kept)
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]
    _code.cache_clear()
    _imports.cache_clear()
    importlib.invalidate_caches()


def test_the_same_code_has_the_same_fingerprint(load: Load) -> None:
    assert load() == load()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# because"),
        ('"""Says what it does."""', '"""Says it otherwise."""'),
        ("\n\n", "\n\n\n"),
        ("    return cents(happened.data)", "    return cents(\n        happened.data\n    )"),
    ],
)
def test_comments_docstrings_and_white_space_do_not_count(load: Load, old: str, new: str) -> None:
    assert old in CODE
    assert load() == load(CODE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cents(happened.data)", "cents(happened.metadata)"),
        ("SETTINGS", '{"policy": "first"}'),
        ('"orders", about=""', '"orders", about="", version=2'),
        ('"orders", about=""', '"orders", about="", query="data.a:1"'),
        ('"orders", about=""', '"orders", about="", initial=[]'),
        ("UPCAST", "[data]"),
        ('upcaster("OrderPlaced", 1)', 'upcaster("OrderPlaced", 2)'),
        ('orders.on("OrderPlaced")', 'orders.on("Order*")'),
    ],
)
def test_another_meaning_has_another_fingerprint(load: Load, old: str, new: str) -> None:
    assert old in CODE
    assert load() != load(CODE.replace(old, new))


def test_what_the_module_imports_from_its_own_package_counts(load: Load) -> None:
    assert load() != load(prices="def cents(data): return data * 100")


def same(data: Any) -> Any:
    return data


def made(**changed: Any) -> Projection:
    """Of one code, whatever is changed."""
    projection = Projection("made", **{"about": "", "key": STREAM, **changed})
    projection.on("Made")(lambda state, happened: state)
    return projection


@pytest.mark.parametrize(
    "changed", [{"version": 2}, {"key": AGENT}, {"query": "agent:a"}, {"initial": []}, {"settings": 1}]
)
def test_what_is_declared_counts_where_the_code_is_the_same(changed: dict[str, Any]) -> None:
    assert fingerprint(made()) == fingerprint(made())
    assert fingerprint(made()) != fingerprint(made(**changed))


def test_an_upcaster_of_the_same_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    projection = made()
    before = fingerprint(projection)
    for upcaster, counts in ((Upcaster("Made", 1, 2, same), True), (Upcaster("Other", 1, 2, same), False)):
        monkeypatch.setattr(upcasting, "_current", Chains([upcaster]))
        assert (fingerprint(projection) != before) is counts


POLICY = """
from projections.catalog.latest import merging
from shop.prices import cents

def lowest(stands, says, happened):
    return min(stands, says)

orders = merging("orders", about="", policy=lowest)
"""


def test_a_policy_that_was_given_to_a_factory_counts(load: Load) -> None:
    assert load(POLICY) == load(POLICY)
    assert load(POLICY) != load(POLICY.replace("min", "max"))
