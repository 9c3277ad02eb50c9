"""The faults in a source that projections find: lost updates, events out of order, lists that changed on the way.

Work that a rule of the log would have refused is found without a projection (`against_rules.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from django.db.models import F, Func, TextField, Value

from events.json.pointer import below
from events.reading.db_work import DbWork
from events.reading.store import Read
from events.types import Event
from projections.catalog.collisions import collisions
from projections.catalog.latest import latest
from projections.catalog.lifecycle import lifecycle
from projections.catalog.run import run
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.materialise.checkpoints import live
from projections.replay.against_rules import Rule, against_rules
from projections.states.fold import Fold, Pace, TooFar
from projections.states.fold_cursor import SPACING_EVENTS, WIDE_SPACING_EVENTS
from projections.states.sources.base import Source
from projections.states.sources.indexed import LogSource, WorkflowSource

_SUBJECTS = {collisions.name: "lost updates", lifecycle.name: "events out of order", run.name: "changed lists"}
_COUNTS_AND_LISTS = {
    collisions.name: (("lost", "lost_updates"), ("possible", "possible_ones")),
    lifecycle.name: (("illegal", "illegal_transitions"),),
}
"""The counts in the states of a projection, each with the list of the newest items that it counts."""
_MAX_FINDINGS = 200
_PACE = Pace(max_events=WIDE_SPACING_EVENTS + 100)
"""A page does not wait long for findings: less than a block is folded for them."""
_COLLISIONS_BETWEEN = "$.*[*] ? (@.by.position >= $first && @.overwritten.position <= $last)"


@dataclass(frozen=True, slots=True)
class FindingLink:
    """A link to the value that shows a finding: its projection and pointer; with `stream`, in that stream's replay."""

    by: str
    pointer: str
    stream: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault at an event, which stands at `position` in the log and at `place` in the source."""

    position: int
    title: str
    words: str
    is_sure: bool = True
    link: FindingLink | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The newest findings up to a position, in order.

    `missing`: the projections whose fold takes too long; `failures`: those whose reducer raised; `unlisted`: the number
    of earlier findings, which the projections only count; `searched_from`: the first event that was compared with the
    rules of the log, if not all were.
    """

    newest: tuple[Finding, ...] = ()
    missing: tuple[tuple[Projection, TooFar], ...] = ()
    failures: tuple[tuple[Projection, ReducerFailed], ...] = ()
    unlisted: int = 0
    searched_from: int | None = None

    @property
    def total(self) -> int:
        """The number of findings, with those that are not listed."""
        return len(self.newest) + self.unlisted

    @property
    def awaited(self) -> str:
        """The subjects of the missing projections, in words."""
        return ", ".join(_SUBJECTS[projection.name] for projection, _ in self.missing)

    @property
    def unknown(self) -> str:
        """The subjects of the failed projections, in words."""
        return ", ".join(_SUBJECTS[projection.name] for projection, _ in self.failures)

    @property
    def sure(self) -> frozenset[int]:
        """The positions with a finding that is beyond doubt."""
        return frozenset(finding.position for finding in self.newest if finding.is_sure)

    @property
    def possible(self) -> frozenset[int]:
        """The positions with doubtful findings alone."""
        return frozenset(finding.position for finding in self.newest) - self.sure

    @property
    def certain(self) -> int:
        """The number of findings beyond doubt: one position may have several."""
        return sum(finding.is_sure for finding in self.newest)

    @property
    def doubtful(self) -> int:
        """The number of doubtful findings."""
        return len(self.newest) - self.certain

    def at(self, position: int) -> list[Finding]:
        """Return the findings at a position; those beyond doubt come first."""
        findings_here = (finding for finding in self.newest if finding.position == position)
        return sorted(findings_here, key=lambda finding: not finding.is_sure)


def findings(log_id: int, source: Source, *, events: Sequence[Event], head: int) -> DbWork[Findings]:
    """Return the findings up to the last of some events of a source, as far as that takes no long fold.

    A source may hold only some events of a stream. Their collisions with other events of the stream come from the
    runner's states. There are no other findings of projections if a fold takes too long, and for an agent, a query or a
    key: such a source holds only some events of any stream.
    """
    if not events:
        return Findings()
    all_findings: list[Finding] = []
    missing, failures = [], []
    folded_projections = set()
    unlisted = 0
    for projection, read_findings in _readers(source, events):
        try:
            fold = Fold(log_id, projection, source, head)
            cursor = yield from fold.to(events[-1].position, pace=_PACE)
            # The next steps have the same last event.
            yield from fold.keep(cursor, is_asked=cursor.passed_count >= SPACING_EVENTS)
            all_findings += read_findings(cursor.state)
            unlisted += _unlisted_count(projection, cursor.state)
            folded_projections.add(projection)
        except TooFar as too_far:
            missing.append((projection, too_far))
        except ReducerFailed as error:
            failures.append((projection, error))
    if collisions not in folded_projections or isinstance(source, WorkflowSource):
        collision_lists: list[list[dict[str, Any]]] = yield _noted_collisions(log_id, events)
        positions = {event.position for event in events}
        noted_collisions = list(chain.from_iterable(collision_lists))
        all_findings += _collisions_at(noted_collisions, positions, is_judged=collisions in folded_projections)
    refusable = yield from against_rules(log_id, source, last=events[-1].position, head=head)
    all_findings += [_against(rule, event) for event, rule in refusable.events]
    unique = sorted(dict.fromkeys(all_findings), key=lambda finding: finding.position)
    newest = unique[-_MAX_FINDINGS:]
    places = yield from source.places_of(log_id, {finding.position for finding in newest})
    placed = (replace(finding, place=places[finding.position]) for finding in newest if finding.position in places)
    left_out = unlisted + len(unique) - len(newest)
    return Findings(tuple(placed), tuple(missing), tuple(failures), left_out, refusable.searched_from)


def _readers(
    source: Source, events: Sequence[Event]
) -> Iterator[tuple[Projection, Callable[[Any], Iterator[Finding]]]]:
    """Yield the projections that have findings, each with the function that reads them from its state."""
    if not source.is_whole:
        return  # such a source leaves out events, so its findings would be wrong
    yield collisions, lambda state: map(_overwrote, [*state["lost_updates"], *state["possible_ones"]])
    yield lifecycle, lambda state: map(_out_of_order, state["illegal_transitions"])
    # A run is a stream or a workflow, and has at least one event of a type that the projection knows.
    handlers = {run.handler(event.type) for event in events} - {run.handlers["*"]}
    if handlers and not isinstance(source, LogSource):
        yield run, _changed_lists


def _unlisted_count(projection: Projection, state: Any) -> int:
    """Return how many findings a state counts without listing them."""
    return sum(
        state[count_name] - len(state[list_name])
        for count_name, list_name in _COUNTS_AND_LISTS.get(projection.name, ())
    )


def _overwrote(collision: dict[str, Any]) -> Finding:
    """Return a collision as a finding at the event that overwrote."""
    by, overwritten_words = _writer_words(collision["by"]), _writer_words(collision["overwritten"])
    words = f"{by} overwrote {collision['key']} by {overwritten_words}: {collision['because']}"
    return _collision(collision, collision["by"]["position"], words)


def _was_overwritten(collision: dict[str, Any]) -> Finding:
    """Return a collision as a finding at the event that was overwritten."""
    by = _writer_words(collision["by"])
    words = f"its value of {collision['key']} was overwritten by {by}: {collision['because']}"
    return _collision(collision, collision["overwritten"]["position"], words)


def _collision(collision: dict[str, Any], position: int, words: str) -> Finding:
    is_sure = collision["verdict"] == "lost update"
    link = FindingLink(latest.name, below("", collision["key"]), collision["stream"], collision["by"]["version"])
    return Finding(position, "Lost update" if is_sure else "Possible lost update", words, is_sure, link)


def _writer_words(writer: dict[str, Any]) -> str:
    return f"{writer['agent'] or 'somebody'} (#{writer['position']:,})"


def _out_of_order(transition: dict[str, Any]) -> Finding:
    allowed_states = " or ".join(transition["allowed_from"])
    words = f"{transition['type']} came while {transition['work']} was {transition['from']}; expected {allowed_states}"
    return Finding(int(transition["id"]), "Out of order", words)


def _against(rule: Rule, event: Event) -> Finding:
    is_sure = rule.is_sure(event)
    title = rule.title if is_sure else f"Possibly {rule.title[0].lower()}{rule.title[1:]}"
    return Finding(event.position, title, rule.words, is_sure)


def _changed_lists(state: dict[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each list that somebody repeated with other items."""
    for name, claim in state["claims"].items():
        if not claim["agrees"]:
            link = FindingLink(run.name, below(below("/lists", name), "items"))
            yield Finding(claim["position"], "List changed on the way", _claim_words(name, claim), link=link)


def _claim_words(name: str, claim: dict[str, Any]) -> str:
    sources = " and ".join(f"{source['by']} (#{source['position']:,})" for source in claim["sources"])
    extra = [f"{item['item']} ({_index_words(item['stands_at'])})" for item in claim["extra"]]
    lacks = f" lacks {_first_items(claim['missing'])}" if claim["missing"] else ""
    has = f" has {_first_items(extra)}" if extra else ""
    return f"{name} by {claim['by']}{lacks}{' and' if lacks and has else ''}{has}, unlike {sources}"


def _index_words(n: int | None) -> str:
    return "not there" if n is None else f"number {n} there"


def _first_items(items: list[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


def _noted_collisions(log_id: int, events: Sequence[Event]) -> Read[list[dict[str, Any]]]:
    """Return the runner's collisions in the streams of some events, from the first of these to the last."""
    span = json.dumps({"first": events[0].position, "last": events[-1].position})
    arguments = F("search"), Value(_COLLISIONS_BETWEEN), Value(span)
    template = "jsonb_path_query_array(%(expressions)s::jsonb)::text"
    collisions_between = Func(*arguments, template=template, output_field=TextField())
    states = live(log_id, collisions.name).filter(key__in={event.stream for event in events})
    return Read(states.values_list(collisions_between), json.loads)


def _collisions_at(
    noted_collisions: Sequence[dict[str, Any]], positions: set[int], *, is_judged: bool
) -> Iterator[Finding]:
    """Yield findings for the collisions of the events at some positions.

    `is_judged`: collisions between two of these events are known already, so they are left out.
    """
    for collision in noted_collisions:
        has_by, has_overwritten = (collision[event]["position"] in positions for event in ("by", "overwritten"))
        if has_by and not (has_overwritten and is_judged):
            yield _overwrote(collision)
        elif has_overwritten and not has_by:
            yield _was_overwritten(collision)
