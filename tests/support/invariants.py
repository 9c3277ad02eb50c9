"""What holds of every log at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from events.types import Event


def assert_whole(events: Sequence[Event]) -> None:
    """These are a log's events from the first on, in order: nothing missing, nothing twice, no time going back."""
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(events))
    versions: dict[str, list[int]] = defaultdict(list)
    for event in events:
        versions[event.stream].append(event.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
