"""The part of a replay's page that stays the same from step to step: the list and the strip of one window."""

from __future__ import annotations

from hashlib import blake2b

from events.redaction import EMPTY
from projections.replay.seek.breakpoints import BreakpointHits
from projections.replay.views.steps_pane import StepsPane
from projections.states.sources.base import Source

HEADER = "X-Window"
"""In this header a page says which window it shows: a step of the same window is answered without list and strip."""


def window_name(steps: StepsPane, breaks: BreakpointHits) -> str:
    """Return a name for everything that list and strip show, except which step is the current one.

    It is empty if they can't be kept: while something is missing in them, and while two steps are compared.
    """
    window, address = steps.window, steps.address
    is_whole = window.steps and window.is_known and all(step.changes is not None for step in window.steps)
    if not is_whole or steps.findings.missing or breaks.unchecked_count or address.one("from"):
        return ""
    content = (
        address.suffix,
        window.steps[0].place,
        window.steps[-1].place,
        steps.count,
        steps.ends,
        len(steps.findings.newest),
        [step.place for step in window.steps if step.event.data == EMPTY],  # a row that was redacted has to go
    )
    return blake2b(repr(content).encode(), digest_size=9).hexdigest()


def follow_path(log: str, source: Source) -> str:
    """Return the path of the websocket that announces a source's events.

    It is empty for a kept state, which only the runner knows.
    """
    return "" if source.follow_query is None else f"/ws/logs/{log}/{source.follow_query}"
