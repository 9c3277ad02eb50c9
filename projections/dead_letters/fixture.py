"""A letter as fixtures for pytest: its event, as a consumer gets it, and the state that its consumer saw. Pure.

A test of a consumer begins with them. Values are literals, with every digit.
"""

from __future__ import annotations

from events.api.responses import encode, event_out
from events.errors import TooLarge
from events.json.value import loads, visible
from events.subscriptions.letters.letter import Letter
from events.types import Event
from projections.replay.copies.pytest_case import literal, quotable
from projections.values import exact_json
from projections.values.change import Json

MEDIA_TYPE = "text/x-python"
_MAX_CHARACTERS = 400_000
_TEXT = '''"""The event of the dead letter {id} in the log {log}, and the state before it by {projection}.

{error}
"""

from copy import deepcopy
from decimal import Decimal

import pytest

EVENT = {event}

STATE_BEFORE = {state}


@pytest.fixture
def dead_event():
    return deepcopy(EVENT)


@pytest.fixture
def state_before():
    return deepcopy(STATE_BEFORE)
'''


def fixture(log_name: str, letter: Letter, event: Event, state: Json) -> str:
    """Return the source of the fixtures.

    Raises:
        TooLarge: event and state have more than `_MAX_CHARACTERS`.
    """
    event_text = encode(event_out(event)).decode()
    if (size := len(event_text) + len(exact_json.dumps(state))) > _MAX_CHARACTERS:
        raise TooLarge(
            f"As a fixture, this letter has {size:,} characters; the limit is {_MAX_CHARACTERS:,}. Ask for it as JSON.",
            limit=_MAX_CHARACTERS,
        )
    place = f" in {letter.frame}" if letter.frame else ""
    source = _TEXT.format(
        id=letter.id,
        log=log_name,
        projection=quotable(letter.projection),
        error=quotable(f"{letter.error_type}: {letter.plain_message or 'no message'}{place}"),
        event=literal(loads(event_text)),
        state=literal(state),
    )
    return visible(source)  # hidden characters are in string literals alone, in which the escape means the same
