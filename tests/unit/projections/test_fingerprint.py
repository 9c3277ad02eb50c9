"""Fingerprints: equal for equal meaning, different for different meaning."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from projections.definition import upcasting
from projections.definition.fingerprint import _code, _imports, canonical_syntax, fingerprint, own_fingerprint
from projections.definition.projection import AGENT, STREAM, Projection
from projections.definition.upcasting import Chains, Upcaster
from projections.materialise.earlier_fingerprint import earlier_fingerprint
from projections.registry import PROJECTIONS, collect

CODE = '''
from projections import Projection, upcaster
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
    """The fingerprint of `orders` in an app `shop` with that code."""
    shops = iter(range(100))
    chains = upcasting.current()

    def write(code: str = CODE, prices: str = "def cents(data): return data", *, package: str = "") -> str:
        home = tmp_path / str(next(shops))
        (home / "shop").mkdir(parents=True)
        code = code.replace("SETTINGS", "None").replace("UPCAST", "data")
        for name, text in (("__init__", package), ("prices", prices), ("unrelated", ""), ("projections", code)):
            (home / "shop" / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(home))
        forget()
        declared = collect([importlib.import_module("shop.projections")])
        upcasting.use(Chains(declared.upcasters))
        return fingerprint(declared.projections[0])

    yield write
    upcasting.use(chains)
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
        (
            "from projections import Projection, upcaster",
            "import decimal\nfrom projections import upcaster, Projection",
        ),
        ("import Projection, upcaster", "import Projection\nfrom projections.upcasting import upcaster"),
        ("from shop.prices", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os\nfrom shop.prices"),
        ("\n\n", "\n\n\n"),
        ("    return cents(happened.data)", "    return cents(\n        happened.data\n    )"),
    ],
)
def test_comments_docstrings_white_space_and_imports_do_not_count(load: Load, old: str, new: str) -> None:
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


def test_imports_from_the_modules_own_package_count(load: Load) -> None:
    assert load() != load(prices="def cents(data): return data * 100")


def same(data: Any) -> Any:
    return data


def projection_with(**changed: Any) -> Projection:
    """The same code, with something changed."""
    projection = Projection("made", **{"about": "", "key": STREAM, **changed})
    projection.on("Made")(lambda state, happened: state)
    return projection


@pytest.mark.parametrize(
    "changed", [{"version": 2}, {"key": AGENT}, {"query": "agent:a"}, {"initial": []}, {"settings": 1}]
)
def test_declarations_count_though_the_code_is_the_same(changed: dict[str, Any]) -> None:
    assert fingerprint(projection_with()) == fingerprint(projection_with())
    assert fingerprint(projection_with()) != fingerprint(projection_with(**changed))


def test_an_upcaster_of_the_same_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    projection = projection_with()
    before = fingerprint(projection)
    for upcaster, counts in ((Upcaster("Made", 1, 2, same), True), (Upcaster("Other", 1, 2, same), False)):
        monkeypatch.setattr(upcasting._current, "chains", Chains([upcaster]))
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


MACHINE = """
from projections.catalog.machine import machine
from projections.catalog.moves import Move

orders = machine("orders", about="", moves={"OrderPlaced": Move("Placed", ("Idle",))})
"""


def test_ones_own_code_is_told_apart_from_the_catalogues(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def both(code: str) -> tuple[str, str]:
        whole = load(code)
        [projection] = collect([sys.modules["shop.projections"]]).projections
        return whole, own_fingerprint(projection)

    whole, own = both(MACHINE)
    assert whole != own
    assert both(MACHINE.replace("Idle", "New"))[1] != own
    counted = _code
    monkeypatch.setattr(
        "projections.definition.fingerprint._code",
        lambda name: "other code" if name == "projections.catalog.machine" else counted(name),
    )
    changed, same = both(MACHINE)
    assert (changed != whole, same) == (True, own)


GOLDEN = {
    "agent_run": "26df7890be20802015dfd7f93b15e67d047d37019bd3f6cebf86eec1638a6ced",
    "agent_state": "b63dbd46321ac916ecd0efcc77c8d42f373d0809b15322ead6cc5d6490fa2e56",
    "agents": "82bfe2a3198cd6655ea1933621736ebecd869a3fbefde36c29a83ca6825b375a",
    "collisions": "37b0fd824f3870ab2076d902340e48aa815ece7debdafdec784889565b9fa0e5",
    "counts": "23c3cc03830cab67a243459fad5a1a72a5d526eaaa756632c6f06751f9ab77b7",
    "latest": "cb577dc8c8507aaeefd4621dc386b00fafee632c710c893ebc37f67eba20accf",
    "lifecycle": "e9bbbca9d4110363d90ad733ca0a16a882c8e2251b0ed6e3918210488e007e0e",
    "orders": "d3db0d41e786953b4470717fe479624f97b6e67e1ffb37a1dcaddafea5609501",
    "run": "3f325b1661a2c955eff28d89455dad371ebc0d0af581859ded4d61e155a38d99",
    "transcript": "df34a8edd33aa306d79f36f8da15fd48a8fa2a8e3652d67f40a38838633850c2",
}
"""Change one only together with the `version` of its projection: every installation then rebuilds its states."""
EARLIER = {
    "counts": "3f3f9fdf3454307117601fcf1014c3360ba5b74c4dc95ce29b44559bf848e65f",
    "latest": "94c2439d732eab63067403dacb1b3b884d45df068602b608889c95c9b516d9c9",
    "orders": "3b247689dedf9b769819e88688e55583d13631d5c6bab40822d62bf3cdea65b5",
    "transcript": "2dc32ba3cb4ff0e9bf102e706fdbecec6b2b3756fea03f866331de0b6ecc0f94",
}
"""The fingerprints that version 0.1 computed with Python 3.11, of projections whose meaning has not changed."""


@pytest.mark.parametrize("name", PROJECTIONS)
def test_the_catalogue_keeps_its_fingerprints(name: str) -> None:
    assert fingerprint(PROJECTIONS[name]) == GOLDEN[name]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="version 0.1's fingerprints depended on Python's version")
@pytest.mark.parametrize("name", EARLIER)
def test_the_fingerprint_of_version_0_1_is_computed_again(name: str) -> None:
    assert earlier_fingerprint(PROJECTIONS[name]) == EARLIER[name]


def test_fields_that_later_versions_of_python_add_do_not_count() -> None:
    function = ast.parse("def handle(state): return state").body[0]
    assert isinstance(function, ast.FunctionDef)
    before = canonical_syntax(function)
    function.type_params, function.type_comment = [], None  # type: ignore[attr-defined, unused-ignore]
    assert canonical_syntax(function) == before
