"""`kill -9` of the runner between its read and its commit, many times: the states are those of a fold from zero."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from events.models import Log
from tests.support.processes import die_with_parent
from tests.support.running import KILLED, append, expected, live, noted_places, settle, states, varied
from tests.support.server import CHECKOUT, database_variables

pytestmark = pytest.mark.processes

EVENTS, KILLS = 1_500, 25


@pytest.mark.parametrize("seed", [1, 2])
def test_states_survive_being_killed_at_any_point(log: Log, seed: int) -> None:
    append(log, varied(EVENTS))
    died = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_runners", str(log.pk), str(seed), str(KILLS)],
        cwd=CHECKOUT,
        env={**os.environ, **database_variables(), "SECRET_KEY": "of-the-killed"},
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(),
        check=True,
        timeout=60,
        text=True,
    ).stdout.split()
    assert len(died) == KILLS
    assert set(died) == {"locked", "folded", "stored", "written", "committed"}, died
    assert 0 < live(log).position < EVENTS, "they died on the way"
    settle(log, *KILLED)
    for projection in KILLED:
        assert states(log, projection.name) == expected(log, projection)
        assert live(log, projection.name).position == EVENTS
    for key, (_, events, _) in states(log, "by-customer").items():
        places = noted_places(log, "by-customer", key)
        assert len(set(places)) == len(places) == events
