"""The command that makes the lists of streams and workflows anew."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from events.access.logs import existing_log
from events.lists import keeper


class Command(BaseCommand):
    help = "Make a log's lists of streams and workflows anew from its events. They are incomplete until this is done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        log = existing_log(options["log"])
        keeper.rebuild(log.id)
        self.stdout.write(f"The lists of {log.name} are complete.")
