"""Do the upcasters work on what is in a log? Every event that goes through one is read; nothing is written."""

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

_CHUNK = 200
"""Events held at a time: with data at its limit of 1 MiB, 200 MiB."""
_FAILURES_SHOWN = 5


@dataclass(slots=True)
class _Tried:
    """The events of one type and version that went through the chain."""

    passed: int = 0
    failed: int = 0
    first: list[str] = field(default_factory=list)

    def fails(self, event: Event, error: Exception) -> None:
        self.failed += 1
        if len(self.first) < _FAILURES_SHOWN:
            self.first.append(f"#{event.position} {event.stream}: {error}")


class Command(BaseCommand):
    help = "List the types of a log's events by schema version, and try the upcasters on all of history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = existing_log(options["log"])
        except EventsError as error:
            raise CommandError(error.detail) from None
        chains = upcasting.current()
        counts = _counts(log)
        tried = _try(log, chains, sum(count for type, _, count in counts if type in chains.steps))
        for type, version, count in counts:
            self._say(chains, type, version, count, tried.get((type, version)))
        if failed := sum(each.failed for each in tried.values()):
            raise CommandError(f"{failed:,} events can't be read.")

    def _say(self, chains: Chains, type: str, version: int, count: int, tried: _Tried | None) -> None:
        chain = chains.chain(type, version)
        way = " → ".join([f"v{version}", *(f"v{each.to}" for each in chain)])
        outcome = f": {tried.passed:,} pass, {tried.failed:,} fail" if tried and (chain or tried.failed) else ""
        self.stdout.write(f"{type}  {way}  {count:,} events{outcome}{_behind(chains, type, version)}")
        for failure in tried.first if tried else ():
            self.stdout.write(f"    {failure}")


def _behind(chains: Chains, type: str, version: int) -> str:
    """Upcasters are there, but none begins at this version, which is older than what they lead to."""
    steps = chains.steps.get(type, {})
    newest = max((each.to for each in steps.values()), default=version)
    return f"  (no upcaster from v{version}: read as it is stored)" if version < newest and version not in steps else ""


def _counts(log: LogInfo) -> list[tuple[str, int, int]]:
    rows = models.Event.objects.filter(log_id=log.id).order_by("type", "schema_version")
    return list(rows.values_list("type", "schema_version").annotate(events=Count("*")))


def _try(log: LogInfo, chains: Chains, events: int) -> dict[tuple[str, int], _Tried]:
    tried: dict[tuple[str, int], _Tried] = {}
    for event in tqdm(_upcast(log, chains), total=events, unit=" events", disable=None, file=sys.stderr, leave=False):
        outcome = tried.setdefault((event.type, event.schema_version), _Tried())
        try:
            chains.as_newest(event)
            outcome.passed += 1
        except UpcastFailed as error:
            outcome.fails(event, error)
    return tried


def _upcast(log: LogInfo, chains: Chains) -> Iterator[Event]:
    """The events up to the head of this moment whose types have upcasters."""
    if not chains.steps:
        return
    condition = where(any_of(Named(Name.TYPE, Pattern((type,))) for type in chains.steps))
    position = 0
    while events := store.events(log.id, condition, after=position, before=log.head + 1, limit=_CHUNK).fetch():
        yield from events
        position = events[-1].position
