"""Events that a rule of the log would have refused: of an agent or a workflow that was paused, or without a lease.

Nothing that comes over OpenTelemetry is refused, as it tells what has happened already. What it tells is judged by the
rules of the time at which it happened. The server's events that set the rules are read for this, so whoever replays the
log up to a position finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import orjson

from events.leases import demands
from events.otel.runs import STREAM_PREFIX
from events.pauses import pausing
from events.query.match import event_matcher
from events.query.tree import (
    Has,
    KeyStep,
    Name,
    Named,
    Number,
    Numbered,
    Path,
    Pattern,
    Query,
    Root,
    Since,
    Until,
    all_of,
    any_of,
)
from events.reading import store
from events.reading.db_work import DbWork
from events.reading.scan import SearchResult, search_events
from events.types import Event
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource

_MOST_CHANGES = 500
"""Events of each kind that set rules, and are looked at: the newest."""
_MOST_RULES = 50
"""Rules that events are searched for: the newest."""
_MOST_FOUND = 100
_BUDGET_SECONDS = 0.1
_CLOCKS_DIFFER = timedelta(seconds=5)
"""An event tells the time by its sender's clock, so an event near the beginning or end of a rule may be outside."""
_OVER_OTEL = (
    Named(Name.STREAM, Pattern((STREAM_PREFIX, ""))),
    Has(Path(Root.METADATA, (KeyStep("otel"),))),
)


@dataclass(frozen=True)
class Rule:
    """A rule that held from the event at `position` on, from a time until another; `until` is None if it still holds.

    `about` are the events that it refuses.
    """

    position: int
    since: datetime
    about: Query
    title: str
    words: str
    until: datetime | None = None

    @property
    def query(self) -> Query:
        """The events that came over OpenTelemetry, and that the rule would have refused."""
        times: list[Query] = [Since(self.since), *([Until(self.until)] if self.until else [])]
        later = Numbered(Number.POSITION, self.position + 1, None)
        return all_of([later, *times, *_OVER_OTEL, self.about])

    @cached_property
    def fits(self) -> Callable[[Event], bool]:
        return event_matcher(self.query)

    def is_sure(self, event: Event) -> bool:
        """Whether the rule held at the event's time, also if the clock of its sender was a little wrong."""
        return event.at - _CLOCKS_DIFFER >= self.since and (
            self.until is None or event.at + _CLOCKS_DIFFER < self.until
        )


@dataclass(frozen=True, slots=True)
class AgainstRules:
    """The newest events that a rule would have refused, each with the rule.

    `searched_from` is the position of the first event that was looked at, if the search had no time for the earlier
    ones or found as many as it may; None if it looked at all.
    """

    events: Sequence[tuple[Event, Rule]] = ()
    searched_from: int | None = None


def against_rules(log_id: int, source: Source, *, last: int, head: int) -> DbWork[AgainstRules]:
    """Return the events of a source, up to a position, that a rule would have refused."""
    terms = source.terms
    if isinstance(source, StreamSource):
        if not source.name.startswith(STREAM_PREFIX):
            return AgainstRules()
        terms = [Named(Name.STREAM, Pattern((source.name,)))]
    elif not isinstance(source, WorkflowSource | AgentSource):
        return AgainstRules()
    changes: list[Event] = []
    for stream in (pausing.STREAM, demands.STREAM):
        changes += yield store.stream_events(log_id, stream, backward=True, limit=_MOST_CHANGES)
    rules = rules_of(sorted((each for each in changes if each.position <= last), key=lambda each: each.position))
    if not rules:
        return AgainstRules()
    query = all_of([*terms, Numbered(Number.POSITION, None, last), any_of(rule.query for rule in rules)])
    found: SearchResult = yield search_events(log_id, query, limit=_MOST_FOUND, budget=_BUDGET_SECONDS, head=head)
    refusable = [(event, rule) for event in found.events for rule in rules if rule.fits(event)]
    return AgainstRules(refusable, None if found.at_end else found.searched_to)


def rules_of(changes: Sequence[Event]) -> list[Rule]:
    """Return the rules that some events set, in the order of their positions; of very many, the newest ones."""
    rules: list[Rule] = []
    held: dict[str, Rule] = {}
    for change in changes:
        facts = orjson.loads(change.data)
        subject = _subject(change, facts)
        if subject is None:
            continue
        if rule := held.pop(subject, None):
            rules.append(_ended(rule, change.recorded_at))
        if new := _rule(change, facts):
            held[subject] = new
    return sorted([*rules, *held.values()], key=lambda rule: rule.position)[-_MOST_RULES:]


def _ended(rule: Rule, until: datetime) -> Rule:
    return Rule(rule.position, rule.since, rule.about, rule.title, rule.words, until)


def _subject(change: Event, facts: Any) -> str | None:
    """Return what a change is about: the newest change about it holds. None: that was redacted."""
    if change.type == demands.DEMANDED:
        return demands.DEMANDED
    kind, name = _target(change, facts)
    return f"{kind} {name}" if name else None


def _target(change: Event, facts: Any) -> tuple[str, str | None]:
    """Return the kind and the name of what was paused or resumed."""
    kind = change.type.partition(".")[0]
    return kind, facts[kind] if facts else change.correlation_id


def _rule(change: Event, facts: Any) -> Rule | None:
    """Return the rule that a change sets; None if it ends one."""
    position, since = change.position, change.recorded_at
    if change.type == demands.DEMANDED:
        about = list(_demanded(facts)) if facts else []
        words = f"since #{position:,} the log demands a lease for such events"
        return Rule(position, since, any_of(about), "Without a lease", words) if about else None
    kind, name = _target(change, facts)
    if name is None or not change.type.endswith(".paused"):
        return None
    about_name = Named(Name.AGENT if kind == "agent" else Name.CORRELATION, Pattern((name,)))
    words = f"the {kind} {name} was paused since #{position:,}"
    return Rule(position, since, about_name, "Worked while paused", words)


def _demanded(facts: Any) -> Iterator[Query]:
    if facts["workflows"]:
        yield Has(Name.CORRELATION)
    for prefix in facts["streams"]:
        yield Named(Name.STREAM, Pattern((prefix, "")))
    for type in facts["types"]:
        yield Named(Name.TYPE, Pattern((type,)))
