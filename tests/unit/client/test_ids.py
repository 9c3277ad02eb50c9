"""Ids of events."""

from __future__ import annotations

import time
from uuid import UUID

from eventsite_client._core.ids import new_id


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = []
    for _ in range(5):
        ids.append(new_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    for each in map(UUID, ids):
        assert (each.version, each.variant) == (7, "specified in RFC 4122")
        assert before <= each.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_are_never_the_same() -> None:
    assert len({new_id() for _ in range(100_000)}) == 100_000
