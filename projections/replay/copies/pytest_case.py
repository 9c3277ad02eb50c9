"""A step of a replay as a test for pytest: events in, expected state out. Pure.

The test is Python source that imports this project alone: values are literals, with every digit.
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

_LINE_CHARACTERS = 112
_REQUIRED_FIELDS = ("version", "position", "stream", "id")
"""The fields of an event that a test always names. Other fields are named only if they differ from the default."""
_FIELDS = (
    *_REQUIRED_FIELDS,
    *(name for name in Event.__struct_fields__ if name not in (*_REQUIRED_FIELDS, "type", "data")),
)

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
    projection: Projection, events: Sequence[Event], *, start_state: Json | None, expected: Json, title: str, about: str
) -> str:
    """Return the source of a test that folds events from a state on, and compares the result with another.

    `start_state` is None for the projection's initial state. `title` and `about` name the origin of the test.
    """
    import_line, name = _import(projection)
    source = _TEXT.format(
        title=quotable(title),
        about=quotable(about),
        import_line=import_line,
        given=f"{name}.initial" if start_state is None else literal(start_state),
        events="".join(f"\n    {_event(each)}," for each in events) + "\n" * bool(events),
        expected=literal(expected),
        name=re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:80],
        projection=name,
    )
    return visible(source)  # hidden characters are in string literals alone, in which the escape means the same


def _import(projection: Projection) -> tuple[str, str]:
    """Return the statement that imports a projection, and its name in the test."""
    module = sys.modules.get(projection.module or "")
    names = (name for name, value in vars(module).items() if value is projection) if module else iter(())
    if name := next(names, None):
        return f"from {projection.module} import {name}", name
    return "from projections import registry", f"registry.get({projection.name!r})"


def _event(event: Event) -> str:
    plain = event_in_a_test(event.type)
    fields = {name: getattr(event, name) for name in _FIELDS}
    named_fields = {
        name: value for name, value in fields.items() if name in _REQUIRED_FIELDS or value != getattr(plain, name)
    }
    arguments = ", ".join(f"{name}={_argument(value)}" for name, value in named_fields.items())
    data = literal(loads(event.data)).replace("\n", "\n        ")
    return f"event(\n        {event.type!r},\n        {data},\n        {arguments},\n    )"


def _argument(value: object) -> str:
    return f"datetime.fromisoformat({value.isoformat()!r})" if isinstance(value, datetime) else repr(value)


def literal(value: Json) -> str:
    """Return a value as Python writes it; an exact number that is no whole one is a `Decimal`."""
    return pformat(value, width=_LINE_CHARACTERS, sort_dicts=False)


def quotable(text: str) -> str:
    """Return a text that can't end the string in which it stands."""
    return text.replace("\\", "\\\\").replace('"', "'")
