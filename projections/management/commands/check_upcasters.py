"""The command that tries the upcasters on all events of a log which they concern. It writes nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from tqdm import tqdm

from events import models
from events.access.logs import existing_log
from events.errors import EventsError, UpcastFailed
from events.query.orm import where
from events.query.tree import Name, Named, Pattern, any_of
from events.reading import store
from events.types import Event, LogInfo
from projections.definition import upcasting
from projections.definition.upcasting import Chains

_CHUNK_EVENTS = 200
"""Events held at a time: with data at its limit of 1 MiB, 200 MiB."""
_MAX_LISTED_FAILURES = 5


@dataclass(slots=True)
class _Outcome:
    """The outcome for the events of one type and version; `failures` describes the first ones."""

    pass_count: int = 0
    fail_count: int = 0
    failures: list[str] = field(default_factory=list)

    def add_failure(self, event: Event, error: Exception) -> None:
        self.fail_count += 1
        if len(self.failures) < _MAX_LISTED_FAILURES:
            self.failures.append(f"#{event.position} {event.stream}: {error}")


class Command(BaseCommand):
    help = "List the types of a log's events by schema version, and try the upcasters on all events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = existing_log(options["log"])
        except EventsError as error:
            raise CommandError(error.detail) from None
        chains = upcasting.current()
        counts = _counts(log)
        outcomes = _try(log, chains, sum(count for type, _, count in counts if type in chains.steps))
        for type, version, count in counts:
            self._print(chains, type, version, count, outcomes.get((type, version)))
        if fail_count := sum(each.fail_count for each in outcomes.values()):
            raise CommandError(f"{fail_count:,} events can't be read.")

    def _print(self, chains: Chains, type: str, version: int, count: int, outcome: _Outcome | None) -> None:
        chain = chains.chain(type, version)
        way = " → ".join([f"v{version}", *(f"v{each.to}" for each in chain)])
        counts = (
            f": {outcome.pass_count:,} pass, {outcome.fail_count:,} fail"
            if outcome and (chain or outcome.fail_count)
            else ""
        )
        self.stdout.write(f"{type}  {way}  {count:,} events{counts}{_gap_note(chains, type, version)}")
        for failure in outcome.failures if outcome else ():
            self.stdout.write(f"    {failure}")


def _gap_note(chains: Chains, type: str, version: int) -> str:
    """Return a note if the type has upcasters to a newer version, but none from this version."""
    steps = chains.steps.get(type, {})
    newest = max((each.to for each in steps.values()), default=version)
    return f"  (no upcaster from v{version}: read as stored)" if version < newest and version not in steps else ""


def _counts(log: LogInfo) -> list[tuple[str, int, int]]:
    rows = models.Event.objects.filter(log_id=log.id).order_by("type", "schema_version")
    return list(rows.values_list("type", "schema_version").annotate(events=Count("*")))


def _try(log: LogInfo, chains: Chains, events: int) -> dict[tuple[str, int], _Outcome]:
    outcomes: dict[tuple[str, int], _Outcome] = {}
    for event in tqdm(_events(log, chains), total=events, unit=" events", disable=None, file=sys.stderr, leave=False):
        outcome = outcomes.setdefault((event.type, event.schema_version), _Outcome())
        try:
            chains.as_newest(event)
            outcome.pass_count += 1
        except UpcastFailed as error:
            outcome.add_failure(event, error)
    return outcomes


def _events(log: LogInfo, chains: Chains) -> Iterator[Event]:
    """Yield the events whose types have upcasters, up to the log's head at the start."""
    if not chains.steps:
        return
    condition = where(any_of(Named(Name.TYPE, Pattern((type,))) for type in chains.steps))
    position = 0
    while events := store.events(log.id, condition, after=position, before=log.head + 1, limit=_CHUNK_EVENTS).fetch():
        yield from events
        position = events[-1].position
