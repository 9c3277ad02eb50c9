"""System checks: projections and upcasters that can be declared but can't work refuse to start."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register

from events.query import tree
from events.query.errors import InvalidQuery, NotForEvents
from events.query.reading import refuse_state
from projections import registry
from projections.definition.projection import Projection
from projections.definition.upcasting import Chains
from projections.registry import Declarations
from projections.values import exact_json

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,62}")


@register()
def check_declarations(**kwargs: Any) -> list[CheckMessage]:
    """Check all projections and upcasters."""
    return problems(registry.declared())


def problems(declarations: Declarations) -> list[CheckMessage]:
    """Return the problems of some projections and upcasters, each of which refuses a start."""
    return [
        *_names(declarations),
        *(error for each in declarations.projections for error in _projection(each)),
        *_upcasters(declarations),
    ]


def _names(declarations: Declarations) -> Iterator[CheckMessage]:
    for name, times in Counter(each.name for each in declarations.projections).items():
        if times > 1:
            hint = "A projection's name is unique among the catalog and all installed apps: rename one of them."
            yield Error(f"{times} projections are named {name}.", hint=hint, id="projections.E001")


def _projection(projection: Projection) -> Iterator[CheckMessage]:
    if not _NAME.fullmatch(projection.name):
        hint = "A name is a part of URLs: it has at most 63 small letters, digits, - and _."
        yield Error(f"{projection.name!r} can't be the name of a projection.", hint=hint, id="projections.E002")
    if problem := _query_problem(projection):
        hint = "The query language is described in docs/query.md. A fold has no clock, so times in it are dates."
        yield Error(f"The query of projection {projection.name}: {problem}", hint=hint, id="projections.E003")
    for name, value in (("initial", projection.initial), ("settings", projection.settings)):
        try:
            exact_json.dumps(value)
        except exact_json.NotAState as error:
            hint = "It is a JSON value: objects with strings as keys, lists, strings, int or Decimal, booleans, None."
            yield Error(f"{name} of projection {projection.name}: {error}", hint=hint, id="projections.E004")


def _query_problem(projection: Projection) -> str | None:
    try:
        refuse_state(projection.where)
    except (InvalidQuery, NotForEvents) as error:
        return str(error)
    time_terms = (leaf for leaf in tree.leaves(projection.where) if isinstance(leaf, tree.Since | tree.Until))
    return "it has a relative time." if any(isinstance(leaf.time, tree.Ago) for leaf in time_terms) else None


def _upcasters(declarations: Declarations) -> Iterator[CheckMessage]:
    for problem in Chains(declarations.upcasters).problems():
        hint = "Every version of a type from the oldest on needs one upcaster, to a later version."
        yield Error(problem, hint=hint, id="projections.E005")
