"""The command that lists the parked keys of a log by their fault, retries them or skips their events."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.access.logs import existing_log
from events.errors import EventsError
from events.models import Log
from projections.errors import NoSuchBuild
from projections.materialise import checkpoints, parked_keys
from projections.materialise.checkpoints import Progress
from projections.materialise.parked_keys import Selection

_MAX_LISTED_KEYS = 5
"""Most keys that are listed of each fault."""


class Command(BaseCommand):
    help = "List the keys that projections of a log parked, grouped by error; retry them, or skip their events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("projection", nargs="?", help="default: all")
        parser.add_argument("--log", default="main", help="default: %(default)s")
        parser.add_argument("--key", help="only this key")
        parser.add_argument("--error", help="only the keys that this kind of error parked, such as ValueError")
        orders = parser.add_mutually_exclusive_group()
        orders.add_argument("--retry", action="store_true", help="retry the events that parked them")
        orders.add_argument("--skip", action="store_true", help="go on after these events")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = Log.objects.get(pk=existing_log(options["log"]).id)
        except EventsError as error:
            raise CommandError(error.detail) from None
        builds = [each for each in checkpoints.progress(log, options["projection"]) if each.is_live]
        if options["projection"] and not builds:
            raise CommandError(f"{options['projection']!r} has no states in this log.")
        selection = Selection(options["key"], options["error"])
        for build in builds:
            if options["retry"] or options["skip"]:
                self._go_on(log.pk, build, selection, is_skip=options["skip"])
            else:
                self._list(log.pk, build)

    def _go_on(self, log_id: int, build: Progress, selection: Selection, *, is_skip: bool) -> None:
        order = parked_keys.skip if is_skip else parked_keys.retry
        try:
            count = order(log_id, build.projection, build.build, selection=selection)
        except NoSuchBuild:
            return
        keys = "1 key" if count == 1 else f"{count:,} keys"
        action = "skip the events that parked" if is_skip else "retry"
        self.stdout.write(f"{build.projection}: the runner will {action} {keys}.")

    def _list(self, log_id: int, build: Progress) -> None:
        for fault in parked_keys.faults(log_id, build.projection, build.build):
            again = f", a retry of {fault.retried_count:,} is under way" if fault.retried_count else ""
            where = f" in {fault.where}" if fault.where else ""
            self.stdout.write(f"{build.projection}: {fault.kind}{where}: {fault.keys:,} keys{again}")
            of_fault = Selection(kind=fault.kind, place=fault.place)
            for each in parked_keys.parked(
                log_id, build.projection, build.build, selection=of_fault, limit=_MAX_LISTED_KEYS
            ):
                self.stdout.write(f"    {each.key} at event {each.position}: {each.error}")
