"""A step of a replay as a test: all events up to it, or its one event where the replay begins far before it."""

from __future__ import annotations

from collections.abc import Sequence

from events.errors import TooLarge
from events.types import Event
from projections.replay.copies.pytest_case import pytest_case
from projections.replay.window import Replay
from projections.values import exact_json
from projections.values.change import Json

MEDIA_TYPE = "text/x-python"
_MAX_CHARACTERS = 400_000
"""Of data and states in a test."""


def step_case(replay: Replay, *, log_name: str) -> str:
    """The source of a test for the step that is looked at; its state is known.

    Raises:
        TooLarge: it would have more than `_MAX_CHARACTERS`.
    """
    events, given = _folded(replay, replay.near.events[: replay.near.at + 1]), None
    if not replay.near.begins or _size(events, replay.after) > _MAX_CHARACTERS:
        events, given = _folded(replay, [replay.stop.event] if replay.stop else []), replay.before
    if (size := _size(events, given, replay.after)) > _MAX_CHARACTERS:
        raise TooLarge(
            f"This step takes {size:,} characters as a test, of {_MAX_CHARACTERS:,} at the most. Ask for it as JSON.",
            limit=_MAX_CHARACTERS,
        )
    place = replay.stop.place if replay.stop else 0
    about = f"Copied from step {place} of the log {log_name}."
    about += " All events up to it." if given is None else " Its event only: the state before it is given."
    title = f"{replay.source.words} at {_step(replay)} by {replay.projection.name} version {replay.projection.version}"
    return pytest_case(replay.projection, events, given=given, expected=replay.after, title=title, about=about)


def _folded(replay: Replay, events: Sequence[Event]) -> list[Event]:
    """The events that the projection is given."""
    return [event for event in events if replay.source.takes(replay.projection, event)]


def _step(replay: Replay) -> str:
    return f"step {replay.stop.n or f'#{replay.stop.place}'}" if replay.stop else "step 0"


def _size(events: Sequence[Event], *states: Json) -> int:
    return sum(len(event.data) for event in events) + sum(len(exact_json.dumps(each)) for each in states)
