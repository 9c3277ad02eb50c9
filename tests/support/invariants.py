"""Rules that hold for every log at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from events.types import Event


def assert_whole(events: Sequence[Event]) -> None:
    """Assert that these are a log's events from the first: none is missing, none comes twice, and no time goes back."""
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(events))
    versions: dict[str, list[int]] = defaultdict(list)
    for event in events:
        versions[event.stream].append(event.version)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values())
