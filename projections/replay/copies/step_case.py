"""A step of a replay as a test: all events up to it, or its event alone if the events before it are too many."""

from __future__ import annotations

from collections.abc import Sequence

from events.errors import TooLarge
from events.types import Event
from projections.replay.copies.pytest_case import pytest_case
from projections.replay.window import Window
from projections.values import exact_json
from projections.values.change import Json

MEDIA_TYPE = "text/x-python"
_MAX_CHARACTERS = 400_000
"""The limit for the data and states of a test."""


def step_case(window: Window, *, log_name: str) -> str:
    """Return the source of a test for the current step, whose state is known.

    Raises:
        TooLarge: the test would have more than `_MAX_CHARACTERS`.
    """
    events, start_state = _taken_events(window, window.near.events[: window.near.at + 1]), None
    if not window.near.begins or _size(events, window.after) > _MAX_CHARACTERS:
        events, start_state = _taken_events(window, [window.step.event] if window.step else []), window.before
    if (size := _size(events, start_state, window.after)) > _MAX_CHARACTERS:
        raise TooLarge(
            f"As a test, this step has {size:,} characters; the limit is {_MAX_CHARACTERS:,}. Ask for it as JSON.",
            limit=_MAX_CHARACTERS,
        )
    about = f"Copied from {_step(window)} in the log {log_name}, "
    about += "with all events up to it." if start_state is None else "with its event and the state before it."
    title = f"{window.source.words} at {_step(window)} by {window.projection.name} version {window.projection.version}"
    return pytest_case(
        window.projection, events, start_state=start_state, expected=window.after, title=title, about=about
    )


def _taken_events(window: Window, events: Sequence[Event]) -> list[Event]:
    """Return the events that the projection takes."""
    return [event for event in events if window.source.takes(window.projection, event)]


def _step(window: Window) -> str:
    return f"step {window.step.n or f'#{window.step.place}'}" if window.step else "step 0"


def _size(events: Sequence[Event], *states: Json) -> int:
    return sum(len(event.data) for event in events) + sum(len(exact_json.dumps(each)) for each in states)
