"""A step as a pytest case: Python that runs, whatever the events contain."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from events.types import Event
from projections.catalog.latest import latest
from projections.definition.fold import fold
from projections.definition.projection import Projection, decode
from projections.registry import PROJECTIONS
from projections.replay.copies.pytest_case import pytest_case
from projections.testing import event
from tests.support.histories import FOLDERS, START, History, imported_events
from tests.support.hostile_histories import histories

HIDDEN = "\u202e\u2066\u200b\u3164\ufeff\U000e0041"


@pytest.mark.parametrize("name", [HIDDEN, f'"""{HIDDEN}\\', f"\\{HIDDEN}"])
def test_no_hidden_character_stands_in_a_copied_case_and_it_passes(name: str) -> None:
    events = [event(f"type{name}", {name: [name, {"inner": name}]}, stream=f"order{name}", agent=name, id=name)]
    expected: Any = {name: [name, {"inner": name}]}
    source = pytest_case(latest, events, start_state=None, expected=expected, title=f"stream order{name}", about=name)
    assert not [each for each in source if unicodedata.category(each) == "Cf" or each == "\u3164"]
    names: dict[str, Any] = {}
    exec(compile(source, "case.py", "exec"), names)
    [test] = [value for key, value in names.items() if key.startswith("test_")]
    test()


def passes(projection: Projection, events: Sequence[Event], *, given_first: int = 0) -> None:
    """Copy a step of a projection as a pytest case, and run it. `before` is the state before the last of its events."""
    events_read = [each for each in events if projection.reads(each)]
    before = fold(projection, map(decode, events_read[:given_first]), projection.initial)
    expected = fold(projection, map(decode, events_read[given_first:]), before)
    source = pytest_case(
        projection,
        events_read[given_first:],
        start_state=before if given_first else None,
        expected=expected,
        title=f"step {len(events)} by {projection.name}",
        about="For a test.",
    )
    names: dict[str, Any] = {}
    exec(compile(source, "case.py", "exec"), names)
    [test] = [value for key, value in names.items() if key.startswith("test_")]
    test()


@given(history=histories())
def test_a_copied_case_of_every_projection_passes_whatever_its_events_say(history: History) -> None:
    for projection in PROJECTIONS.values():
        passes(projection, history.events)
        passes(projection, history.events, given_first=len(history.events) // 2)


def test_a_copied_case_says_every_field_of_its_events() -> None:
    history = History()
    fields: dict[str, Any] = {
        "read_position": 3,
        "expected_version": 0,
        "agent": "a",
        "schema_version": 2,
        "causation_id": "c",
    }
    odd = history.say("Set", {"k": 1}, correlation_id="w", metadata='{"m":1}', occurred_at=START, **fields)
    source = pytest_case(latest, [odd], start_state=None, expected={"k": 1}, title="one", about="")
    names: dict[str, Any] = {}
    exec(compile(source, "case.py", "exec"), names)
    [copied] = names["EVENTS"]
    assert copied == odd


@pytest.mark.parametrize("format", FOLDERS)
def test_copied_cases_of_real_runs_pass(shared_data: Path, format: str) -> None:
    """Each run is copied by one projection, and its last step by the next projection."""
    runs: dict[str, list[Event]] = {}
    for each in imported_events(shared_data, format, FOLDERS[format]):
        runs.setdefault(each.stream, []).append(each)
    projections = cycle(PROJECTIONS.values())
    for events in runs.values():
        passes(next(projections), events[:80])
        following = next(projections)
        passes(following, events, given_first=len([each for each in events if following.reads(each)]) - 1)
