"""The command that makes a log."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from events.access import logs
from events.models import Log


class Command(BaseCommand):
    help = "Make a log. Superusers administer it; add_member lets others see it. If the log exists, it stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="1 to 63 of a-z, 0-9 and -")

    def handle(self, *args: Any, **options: Any) -> None:
        is_there = Log.objects.filter(name=options["name"]).exists()
        try:
            log = logs.ensure_log(options["name"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"The log {log.name} exists already." if is_there else f"Made the log {log.name}.")
