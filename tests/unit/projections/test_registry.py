"""The registry finds projections, refuses those that can't work, and notices changed code."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.core import checks as django_checks
from django.core.checks import run_checks

from projections import registry
from projections.checks import problems
from projections.definition.projection import Projection
from projections.definition.upcasting import Upcaster
from projections.errors import NoSuchProjection
from projections.registry import Declarations, collect


def module(**values: Any) -> ModuleType:
    result = ModuleType("made")
    vars(result).update(values)
    return result


def declarations_of(*projections: Projection) -> Declarations:
    return Declarations(projections, ())


def test_the_catalog_is_found_and_starts() -> None:
    assert registry.get("latest").name == "latest"
    assert run_checks(tags=None, databases=None) is not None
    assert problems(registry.declared()) == []


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NoSuchProjection, match="no projection 'nope'"):
        registry.get("nope")


def test_a_projection_is_registered_where_it_is_defined_and_not_where_it_is_imported() -> None:
    one, upcaster = Projection("one", about=""), Upcaster("A", 1, 2, lambda data: data)
    assert collect([module(a=one, b=1, u=upcaster), module(imported=one, u=upcaster)]) == Declarations(
        (one,), (upcaster,)
    )


@pytest.mark.parametrize(
    ("declared", "id"),
    [
        (declarations_of(Projection("a", about=""), Projection("a", about="")), "projections.E001"),
        (declarations_of(Projection("A name", about="")), "projections.E002"),
        (declarations_of(Projection("a", about="", query="type:")), "projections.E003"),
        (declarations_of(Projection("a", about="", query="state.a:1")), "projections.E003"),
        (declarations_of(Projection("a", about="", query="since:2h")), "projections.E003"),
        (declarations_of(Projection("a", about="", initial={"a": 1.5})), "projections.E004"),  # type: ignore[dict-item]
        (declarations_of(Projection("a", about="", settings={1})), "projections.E004"),  # type: ignore[arg-type]
        (Declarations((), (Upcaster("A", 1, 3, lambda data: data),)), "projections.E005"),
    ],
)
def test_a_projection_that_cannot_work_is_refused_with_a_hint(declared: Declarations, id: str) -> None:
    (error,) = problems(declared)
    assert (error.id, error.level) == (id, django_checks.ERROR)
    assert error.hint
