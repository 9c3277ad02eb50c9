"""Links into replays, for the templates of pages outside the replay debugger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from events.models import Log
from events.reading.db_work import run
from events.types import Event
from projections.definition.projection import Projection
from projections.replay.address import ReplayAddress
from projections.replay.findings import Finding, FindingLink, findings
from projections.states.at_moment import State
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import KINDS, source_under

_MAX_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class SourceFindings:
    """The sure findings in a source.

    `earlier` counts the findings that are not listed. `failures` are the projections whose reducer raised, each with
    the address of the replay that shows the step.
    """

    newest: list[Finding]
    earlier: int
    is_partial: bool
    failures: list[tuple[Projection, str]]
    replay: ReplayAddress


def replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    """Return the address of a step in the replay of a stream, workflow, agent, query or (with no name) of the log."""
    return ReplayAddress(log_name, KINDS[kind](name)).step(place)


def source_findings(log: Log, kind: str, name: str, events: Sequence[Event]) -> SourceFindings:
    """Return the sure findings in a stream or a workflow up to the last of some of its events."""
    source = KINDS[kind](name)
    address = ReplayAddress(log.name, source)
    all_findings = run(findings(log.pk, source, events=events, head=log.head))
    sure = [finding for finding in all_findings.newest if finding.is_sure]
    return SourceFindings(
        newest=sure[-_MAX_FINDINGS:],
        earlier=max(0, len(sure) - _MAX_FINDINGS),
        is_partial=bool(all_findings.missing),
        failures=[(projection, address.step(0, by=projection.name)) for projection, _ in all_findings.failures],
        replay=address,
    )


def replay_of_state(log_name: str, projection: Projection, key: str, state: State, before: State | None) -> str:
    """Return the address of the step that made a state; with `before`, of their difference. Empty without a replay."""
    source = source_under(projection, key)
    if isinstance(source, ScannedSource) and not projection.materialised:
        return ""
    from_place = {} if before is None else {"from_": str(source.place(before))}
    return ReplayAddress(log_name, source).step(source.place(state), by=projection.name, **from_place)


def shown_url(link: FindingLink, place: int, at: ReplayAddress) -> str:
    """Return the address of the step that shows a finding: in the replay at hand, or in that of one stream."""
    source = at.source if link.stream is None else StreamSource(link.stream)
    address = at if source == at.source else ReplayAddress(at.log_name, source)
    return address.step(place if link.stream is None else link.version, by=link.by, why=link.pointer)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "source_findings": source_findings,
    "replay_of_state": replay_of_state,
    "replay_url": replay_url,
    "shown_url": shown_url,
}
