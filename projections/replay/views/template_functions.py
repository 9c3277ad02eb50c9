"""The ways into a replay, for pages that know nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from events.models import Log
from events.reading.db_work import run
from events.types import Event
from projections.definition.projection import Projection
from projections.replay.address import Address
from projections.replay.findings import Finding, Shown, findings
from projections.states.at_moment import State
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import KINDS, source_under

_MAX_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class FoundIn:
    """What went wrong in a source. `earlier`: how many findings are not listed; `failed`: projections whose reducer
    raised, with the replays that show where."""

    found: list[Finding]
    earlier: int
    is_partial: bool
    failed: list[tuple[Projection, str]]
    replay: Address


def replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    """A step of the replay of a stream, workflow, agent, query or (with no name) of the log."""
    return Address(log_name, KINDS[kind](name)).step(place)


def found_in(log: Log, kind: str, name: str, events: Sequence[Event]) -> FoundIn:
    """What went wrong in a stream or a workflow up to the last of some of its events, as steps of its replay."""
    source = KINDS[kind](name)
    address = Address(log.name, source)
    every = run(findings(log.pk, source, events=events, head=log.head))
    sure = [each for each in every.found if each.is_sure]
    return FoundIn(
        found=sure[-_MAX_FINDINGS:],
        earlier=max(0, len(sure) - _MAX_FINDINGS),
        is_partial=bool(every.missing),
        failed=[(each, address.step(0, by=each.name)) for each, _ in every.failed],
        replay=address,
    )


def replay_of_state(log_name: str, projection: Projection, key: str, state: State, before: State | None) -> str:
    """The step that made a state; with the one before, how they differ. Empty where its key has no replay."""
    source = source_under(projection, key)
    if isinstance(source, ScannedSource) and not projection.materialised:
        return ""
    from_place = {} if before is None else {"from_": str(source.place(before))}
    return Address(log_name, source).step(source.place(state), by=projection.name, **from_place)


def shown_url(shown: Shown, place: int, at: Address) -> str:
    """The step at which a state shows what was found: of a replay's place, or in the replay of one stream."""
    source = at.source if shown.stream is None else StreamSource(shown.stream)
    step = at if source == at.source else Address(at.log_name, source)
    return step.step(place if shown.stream is None else shown.version, by=shown.by, why=shown.pointer)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "found_in": found_in,
    "replay_of_state": replay_of_state,
    "replay_url": replay_url,
    "shown_url": shown_url,
}
