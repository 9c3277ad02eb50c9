"""A framework's states are recorded as changes: whoever applies them has the states again."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from eventsite_client.adapters._runs import Adapter
from eventsite_client.adapters._states import States, changes
from projections.values.change import Json
from projections.values.diff import equal
from projections.values.patching import patched
from tests.support.json_values import VALUES
from tests.support.recorder import Recorder


@given(VALUES, VALUES)
def test_changes_lead_from_one_state_to_the_next(before: Json, after: Json) -> None:
    operations: Any = changes(before, after)
    assert operations is None or equal(patched(before, operations), after)


def test_a_state_is_recorded_whole_where_that_is_shorter() -> None:
    recorder = Recorder()
    run = Adapter(recorder.client).open("1")
    run.start("delivery")
    states = States(run)
    for key, state in enumerate(
        [{"n": 1}, {"n": 1}, {"n": 1, "texts": ["long " * 20]}, {"n": 1, "texts": ["long " * 20, "a"]}, {}]
    ):
        states.record(str(key), state)
    assert [(event.type, event.data) for event in recorder.events[1:]] == [
        ("state.snapshot", {"state": {"n": 1}}),
        ("state.snapshot", {"state": {"n": 1, "texts": ["long " * 20]}}),
        ("state.patched", {"patch": [{"op": "add", "path": "/texts/-", "value": "a"}]}),
        ("state.snapshot", {"state": {}}),
    ]
