"""The command that keeps materialised projections up to date, for databases whose servers don't."""

from __future__ import annotations

import contextlib
import signal
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.models import Log
from eventsite.workers import LISTS, OTEL, PROJECTIONS, Workers


class Command(BaseCommand):
    help = (
        "Keep the states of materialised projections up to date, and map spans, until Ctrl-C."
        " `serve` without --web-only does it too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", action="append", metavar="NAME", help="only for this log; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(databases=["default"])
        logs = None
        if names := options["log"]:
            logs = dict(Log.objects.filter(name__in=names).values_list("name", "id"))
            if missing := set(names) - logs.keys():
                raise CommandError(f"There is no log {', '.join(sorted(missing))}.")
        workers = (
            [replace(each, arguments={"logs": list(logs.values())}) for each in PROJECTIONS] if logs else PROJECTIONS
        )
        with Workers([LISTS, *workers, OTEL]), contextlib.suppress(KeyboardInterrupt):
            self.stdout.write("Following the logs.")
            while True:
                signal.pause()
