"""A run is mapped whatever its spans hold: attributes are anybody's, and no span may vanish for another's sake."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from events.errors import brief
from events.otel.mapping.conventions import read, read_if_possible, read_nothing
from events.otel.mapping.run import MappedRun, RunName, map_run
from events.otel.spans import LogRecord, Span

logger = logging.getLogger(__name__)


def map_carefully(
    spans: Sequence[Span],
    records: Sequence[LogRecord] = (),
    *,
    name: RunName | None = None,
    told: Collection[str] = (),
) -> MappedRun:
    """Map a run, if it must be, with the spans that can't be read as plain events, or with all of them so.

    A fault of the mapper is logged.
    """
    for reader in (read, read_if_possible):
        try:
            return map_run(spans, records, name=name, told=told, read=reader)
        except Exception as error:  # whatever it is, the spans are to be seen
            logger.exception("a run is mapped with less care: %s", brief(error))
    return map_run(spans, records, name=name, told=told, read=read_nothing)
