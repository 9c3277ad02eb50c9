"""A step of a replay as a test for pytest: events in, expected state out. Pure.

It is Python source that needs nothing but this project: values stand in it as literals, with every digit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pprint import pformat

from events.json.value import loads, visible
from events.types import Event
from projections.definition.projection import Projection
from projections.testing import event as event_in_a_test
from projections.values.change import Json

_WIDTH = 112
_FIRST = ("version", "position", "stream", "id")
"""The fields of an event that a test always says; of the others, those that differ from an event in any test."""
_FIELDS = (*_FIRST, *(name for name in Event.__struct_fields__ if name not in (*_FIRST, "type", "data")))

_TEXT = '''"""{title}

{about}
"""

from datetime import datetime
from decimal import Decimal

{import_line}
from projections.testing import assert_folds, event

GIVEN = {given}

EVENTS = [{events}]

EXPECTED = {expected}


def test_{name}() -> None:
    assert_folds({projection}, EVENTS, given=GIVEN, expected=EXPECTED)
'''


def pytest_case(
    projection: Projection, events: Sequence[Event], *, given: Json | None, expected: Json, title: str, about: str
) -> str:
    """The source of a test which folds events from a state on, and compares.

    `given` None is the projection's initial state. `title` and `about` say where it comes from.
    """
    import_line, name = _import(projection)
    source = _TEXT.format(
        title=_words(title),
        about=_words(about),
        import_line=import_line,
        given=f"{name}.initial" if given is None else _literal(given),
        events="".join(f"\n    {_event(each)}," for each in events) + "\n" * bool(events),
        expected=_literal(expected),
        name=re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:80],
        projection=name,
    )
    return visible(source)  # where such characters stand, in texts, the escape means the same


def _import(projection: Projection) -> tuple[str, str]:
    """How a test comes by a projection: the statement, and its name there."""
    module = sys.modules.get(projection.module or "")
    names = (name for name, value in vars(module).items() if value is projection) if module else iter(())
    if name := next(names, None):
        return f"from {projection.module} import {name}", name
    return "from projections import registry", f"registry.get({projection.name!r})"


def _event(event: Event) -> str:
    plain = event_in_a_test(event.type)
    fields = {name: getattr(event, name) for name in _FIELDS}
    differing = {name: value for name, value in fields.items() if name in _FIRST or value != getattr(plain, name)}
    arguments = ", ".join(f"{name}={_argument(value)}" for name, value in differing.items())
    data = _literal(loads(event.data)).replace("\n", "\n        ")
    return f"event(\n        {event.type!r},\n        {data},\n        {arguments},\n    )"


def _argument(value: object) -> str:
    return f"datetime.fromisoformat({value.isoformat()!r})" if isinstance(value, datetime) else repr(value)


def _literal(value: Json) -> str:
    return pformat(value, width=_WIDTH, sort_dicts=False)


def _words(text: str) -> str:
    """A text that can't end the string it stands in."""
    return text.replace("\\", "\\\\").replace('"', "'")
