"""Links into replays, for the templates of pages outside the replay debugger."""

from __future__ import annotations

from collections import defaultdict
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

_MAX_ROWS = 5


@dataclass(frozen=True, slots=True)
class FindingRow:
    """The findings that say the same of several events, such as all that an agent did while it was paused.

    `first` is the first one beyond doubt; if there is none, the first one, and then it is not `is_sure`.
    """

    first: Finding
    events: int

    @property
    def is_sure(self) -> bool:
        return self.first.is_sure


@dataclass(frozen=True, slots=True)
class SourceFindings:
    """The findings in a source: those beyond doubt before those that are only possible, and of each kind the newest.

    `left_out` counts the rows that are not listed. `failures` are the projections whose reducer raised, each with
    the address of the replay that shows the step. `searched_from` is the first event that was compared with the rules
    of the log, if not all were.
    """

    rows: list[FindingRow]
    left_out: int
    is_partial: bool
    failures: list[tuple[Projection, str]]
    searched_from: int | None
    replay: ReplayAddress


def replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    """Return the address of a step in the replay of a stream, workflow, agent, query or (with no name) of the log."""
    return ReplayAddress(log_name, KINDS[kind](name)).step(place)


def source_findings(log: Log, kind: str, name: str, events: Sequence[Event]) -> SourceFindings:
    """Return the findings in a stream or a workflow up to the last of some of its events."""
    source = KINDS[kind](name)
    address = ReplayAddress(log.name, source)
    all_findings = run(findings(log.pk, source, events=events, head=log.head))
    rows = _rows(all_findings.newest)
    sure_last = sorted(rows, key=lambda row: row.is_sure)
    return SourceFindings(
        rows=sorted(sure_last[-_MAX_ROWS:], key=lambda row: row.first.position),
        left_out=max(0, len(rows) - _MAX_ROWS),
        is_partial=bool(all_findings.missing),
        failures=[(projection, address.step(0, by=projection.name)) for projection, _ in all_findings.failures],
        searched_from=all_findings.searched_from,
        replay=address,
    )


def _rows(findings: Sequence[Finding]) -> list[FindingRow]:
    """Return the findings, in order, with one row for those that say the same."""
    alike: defaultdict[tuple[str, FindingLink | None], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.words, finding.link].append(finding)
    return [
        FindingRow(next((each for each in row if each.is_sure), row[0]), len({each.position for each in row}))
        for row in alike.values()
    ]


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
