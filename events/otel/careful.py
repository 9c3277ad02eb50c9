"""Mapping that never fails. Attributes may hold anything, and no span may vanish because another one can't be read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from django.conf import settings

from events.errors import brief
from events.otel.mapping.conventions import read, read_if_possible, read_nothing
from events.otel.mapping.fitting import USUAL, Limits
from events.otel.mapping.run import MappedRun, RunName, map_run
from events.otel.spans import LogRecord, Span

logger = logging.getLogger(__name__)


def map_carefully(
    spans: Sequence[Span],
    records: Sequence[LogRecord] = (),
    *,
    name: RunName | None = None,
    ids_in_log: Collection[str] = (),
) -> MappedRun:
    """Map a run, if it must be, with the spans that can't be read as plain events, or with all of them so.

    A fault of the mapper is logged.
    """
    limits = limits_of_logs()
    for reader in (read, read_if_possible):
        try:
            return map_run(spans, records, name=name, ids_in_log=ids_in_log, limits=limits, read=reader)
        except Exception as error:  # whatever it is, the spans are to be seen
            logger.exception("a run is mapped with less care: %s", brief(error))
    return map_run(spans, records, name=name, ids_in_log=ids_in_log, limits=limits, read=read_nothing)


def limits_of_logs() -> Limits:
    """Return what the logs of this server take, if that is less than usual."""
    own = settings.EVENTSITE
    return Limits(
        name_characters=min(USUAL.name_characters, own.name_max_length),
        bytes=min(USUAL.bytes, own.event_max_bytes),
        depth=min(USUAL.depth, own.event_max_depth),
    )
