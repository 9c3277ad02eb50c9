"""No real run is taken for a runaway, if there are real runs on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.models import Log
from events.pauses.runaways import act_of, runaways
from events.reading import store
from eventsite.limits import Limits
from tests.support.commands import import_events


@pytest.mark.parametrize(
    ("format", "least"),
    [("who-and-when", 2_407), ("tau-bench", 5_598), ("openhands", 247)],
)
def test_ordinary_runs_give_no_alarm(log: Log, shared_data: Path, format: str, least: int) -> None:
    """Most of these runs have no times, so all their events count as of one moment."""
    import_events(log, shared_data / format, format=format)
    events = store.events(log.pk, limit=10_000).fetch()
    assert len(events) >= least
    assert runaways(list(map(act_of, events)), Limits()) == []
