"""The key of an event in a subscription: events with the same key are delivered in order, one after the other. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import TypeAlias

from events.json import pointer
from events.models import OrderBy
from events.types import Event

MAX_KEY_CHARACTERS = 600

Key: TypeAlias = Callable[[Event], str | None]
"""Returns the key of an event; None: it is delivered without order."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_loads = json.JSONDecoder(parse_float=Decimal).decode
_BY: dict[str, Key] = {
    OrderBy.STREAM: attrgetter("stream"),
    OrderBy.WORKFLOW: attrgetter("correlation_id"),
    OrderBy.AGENT: attrgetter("agent"),
    OrderBy.NONE: lambda event: None,
}


def key_by(order_by: str) -> Key:
    """Return the function that gives the keys of events: `order_by` is an `OrderBy`, or a JSON Pointer into data.

    A pointer leads to a text or a whole number of up to 600 characters, none of them a control character. An event
    without such a value has no key.
    """
    return _BY.get(order_by) or (lambda event: _at(event, order_by))


def _at(event: Event, place: str) -> str | None:
    try:
        value = pointer.at(_loads(event.data), place)
    except LookupError:
        return None
    if isinstance(value, Decimal):
        is_whole = abs(value.adjusted()) < MAX_KEY_CHARACTERS and value == value.to_integral_value()
        value = int(value) if is_whole else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    key = str(value)
    return key if 0 < len(key) <= MAX_KEY_CHARACTERS and not _CONTROL.search(key) else None
