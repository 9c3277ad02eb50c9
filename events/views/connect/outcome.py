"""The events that spans become, in the words of the page Connect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from events.otel.arrivals import Arrivals, run_so_far
from events.otel.reads import Exporter
from events.views.connect.span_tree import span_tree
from events.views.connect.tree import Tree

_USER_AGENT = re.compile(r"OTel[ -]OTLP[ -]Exporter[ -](?P<language>\w+)/(?P<version>[\w.]+)", re.IGNORECASE)
_MAX_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last run of a token: its spans as a tree, and what they become."""

    workflow: str
    spans: int
    events: int
    agents: Sequence[str]
    has_content: bool
    tree: Tree


def outcome_of(log_id: int, came: Arrivals) -> Outcome | None:
    """Return what becomes of the last run of a token; None if none came, or it can't be drawn."""
    run = run_so_far(log_id, came) if came.traces else None
    if run is None:
        return None
    return Outcome(
        workflow=run.name.correlation_id,
        spans=len(run.spans),
        events=len(run.events),
        agents=list(dict.fromkeys(event.agent for event in run.events if event.agent)),
        has_content=run.has_content,
        tree=span_tree(run.spans, run.events),
    )


def exporter_words(exporter: Exporter) -> str:
    """Return what sends, how much it sent, and whether it compresses that."""
    if found := _USER_AGENT.search(exporter.user_agent):
        sender = f"{found['language']} {found['version']}"
    else:
        sender = exporter.user_agent[:_MAX_CHARACTERS] or "no name"
    if exporter.compressed == exporter.exports:
        packed = "compressed"
    else:
        packed = "partly compressed" if exporter.compressed else "not compressed"
    return f"{sender}, {size(exporter.bytes)}, {packed}"


def dropped_words(exporter: Exporter) -> str:
    """Return what was dropped of all that came; the exporter was told that it was taken."""
    counts = (
        (exporter.dropped_metrics, "metrics export", "metrics exports"),
        (exporter.dropped_records, "log record", "log records"),
        (exporter.refused_spans, "span without valid ids", "spans without valid ids"),
    )
    parts = [f"{number:,} {one if number == 1 else many}" for number, one, many in counts if number]
    return f"{', '.join(parts)} (answered 200)" if parts else "nothing"


def size(bytes: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, factor in (("MB", 1_000_000), ("KB", 1_000)):
        if bytes >= factor:
            return f"{bytes / factor:.1f} {unit}"
    return f"{bytes} bytes"
