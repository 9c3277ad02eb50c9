"""What of a replay's page stays as it is from step to step: the list and the strip of one window of steps."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from projections.replay.address import Address
from projections.replay.window import Replay
from projections.states.sources.base import Source

HEADER = "X-Window"
"""Here the page says which window it shows: if that is the step's too, it is answered without list and strip."""


def window(made: Replay, address: Address, steps: Mapping[str, Any]) -> str:
    """A name for all that list and strip say, but for which step is the current one; empty if that can't be parted.

    It can't while something is missing in them, and where two steps are compared.
    """
    is_whole = made.stops and made.is_known and all(stop.changes is not None for stop in made.stops)
    if not is_whole or steps["findings"].missing or steps["breaks"].unchecked or address.one("from"):
        return ""
    said = (
        address.suffix,
        made.stops[0].place,
        made.stops[-1].place,
        steps["count"],
        steps["ends"],
        len(steps["findings"].found),
    )
    return blake2b(repr(said).encode(), digest_size=9).hexdigest()


def follow_path(log: str, source: Source) -> str:
    """The socket of a source's events; empty for a kept state, whose events only the runner knows."""
    return "" if source.follow_query is None else f"/ws/logs/{log}/{source.follow_query}"
