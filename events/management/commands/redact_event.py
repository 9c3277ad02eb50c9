"""The command that empties one event, for good."""

from __future__ import annotations

from argparse import ArgumentParser
from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events import redaction
from events.access.logs import existing_log
from events.errors import EventsError


class Command(BaseCommand):
    help = "Empty an event's data and metadata for ever, because it holds a secret. The event and its digest stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("position", type=int, help="the event's position in the log")
        parser.add_argument("--log", required=True, help="the log of the event")
        parser.add_argument("--reason", required=True, help="the reason, which all members can read for ever")
        parser.add_argument("--by", default=None, help="who decided this (default: the name of the system's user)")

    def handle(self, *args: Any, **options: Any) -> None:
        position, name = options["position"], options["log"]
        try:
            log = existing_log(name)
            result = redaction.redact(log.id, position, reason=options["reason"], by=options["by"] or getuser())
        except EventsError as error:
            raise CommandError(error.detail) from None
        marker = result.marker_position
        if result.fresh:
            redaction.vacuum()
            self.stdout.write(f"Redacted event {position} of {name}; the event.redacted is at {marker}.")
        else:
            self.stdout.write(f"Event {position} of {name} was redacted before; see event {marker}.")
        self.stderr.write("Copies stay in the WAL, backups, exports, and with its readers. See docs/import-export.md.")
