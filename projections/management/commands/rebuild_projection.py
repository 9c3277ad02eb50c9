"""The command that builds a projection of a log anew, beside the build that readers see."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from events.models import Log
from projections import registry
from projections.definition.projection import Projection
from projections.errors import NoSuchProjection
from projections.jobs.dry_run import MAX_KEYS, Trial, dry_run
from projections.materialise import checkpoints
from projections.materialise.checkpoints import Progress
from projections.materialise.runner import Part, Runner
from projections.values.exact_json import dumps

_POLL_SECONDS = 0.2
"""The time between two looks at a rebuild that a server does."""


class Command(BaseCommand):
    help = "Rebuild a projection of a log with the present code. Readers see the old states until it has caught up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("projection", nargs="?")
        parser.add_argument("--changed", action="store_true", help="all projections whose code has changed")
        parser.add_argument("--log", help="default: main; with --changed, all")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=f"only print the changes of the {MAX_KEYS} keys that changed last",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["changed"] is bool(options["projection"]):
            raise CommandError("Name a projection, or use --changed.")
        builds = _changed(options["log"]) if options["changed"] else [_named(options["log"], options["projection"])]
        for log, projection in builds:
            if options["dry_run"]:
                for trial in dry_run(log.pk, projection):
                    self._print(trial)
            else:
                self._rebuild(log, projection)

    def _rebuild(self, log: Log, projection: Projection) -> None:
        """Rebuild here, or watch a server that holds the log's lock rebuild it."""
        checkpoints.rebuild(log.pk, projection)
        runner = Runner(Part.BESIDE, logs=[log.pk], projections={projection.name: projection})
        try:
            with tqdm(unit="event", disable=None, file=sys.stderr, leave=False) as bar:
                while build := _beside(log, projection):
                    bar.total = build.head
                    bar.update(build.position - bar.n)
                    if build.error_position and build.state == "stopped":
                        raise CommandError(f"The build stopped at event {build.error_position}: {build.error}")
                    if not runner.turn():
                        runner.wait(_POLL_SECONDS)
        except KeyboardInterrupt:
            checkpoints.cancel(log.pk, projection.name)
            self.stdout.write("The rebuild is cancelled: readers still see the old states.")
            raise
        finally:
            runner.close()
        live = next((each for each in checkpoints.progress(log, projection.name) if each.is_live), None)
        if live is None:
            raise CommandError("An event was redacted meanwhile: the runner begins again.")
        self.stdout.write(f"Build {live.build} of {projection.name} in {log.name} is live, at event {live.position:,}.")

    def _print(self, trial: Trial) -> None:
        if trial.failure:
            place = f"stops at event {trial.failed_at}" if trial.failed_at else "has no state"
            self.stdout.write(f"{trial.key}: {place}: {trial.failure}")
        elif not trial.changes:
            self.stdout.write(f"{trial.key}: no change")
        for change in trial.changes:
            old, new = dumps(change.old), dumps(change.value)
            self.stdout.write(f"{trial.key}: {change.op} {change.path or 'the state'}: {old} → {new}")


def _named(log_name: str | None, name: str) -> tuple[Log, Projection]:
    try:
        log, projection = Log.objects.get(name=log_name or "main"), registry.get(name)
    except (Log.DoesNotExist, NoSuchProjection):
        raise CommandError(f"There is no log {log_name or 'main'!r} or no projection {name!r}.") from None
    if not projection.materialised:
        raise CommandError(f"{projection.name} is not materialised: its states are folded on demand.")
    if not any(each.is_live for each in checkpoints.progress(log, projection.name)):
        raise CommandError(f"{projection.name} has not been built in this log yet: run_projections builds it.")
    return log, projection


def _changed(log_name: str | None) -> Iterator[tuple[Log, Projection]]:
    """Return the projections that stand still because other code made their states."""
    logs = Log.objects.order_by("name")
    for log in logs.filter(name=log_name) if log_name else logs:
        for build in checkpoints.progress(log):
            if build.is_live and build.state == "code changed":
                yield log, registry.get(build.projection)


def _beside(log: Log, projection: Projection) -> Progress | None:
    return next((each for each in checkpoints.progress(log, projection.name) if not each.is_live), None)
