"""The command that makes a token for an agent."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.access import logs, tokens
from events.models import Scope


class Command(BaseCommand):
    help = "Make a token for an agent; its log, too, if need be. The last line printed is the token: it is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True, help="the log that it opens")
        parser.add_argument("--name", required=True, help="what it is for, to tell it from others")
        parser.add_argument("--scopes", required=True, help=f"what it may do, of {','.join(Scope.values)}")
        parser.add_argument("--stream-prefix", default="", help="only streams that begin with this")
        parser.add_argument("--agent", help="only events of this agent; filled in where none is given")
        parser.add_argument("--expires-in-days", type=int, help="when it ends by itself (default: never)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = logs.ensure_log(options["log"])
        except ValidationError as error:
            raise CommandError(f"--log: {' '.join(error.messages)}") from None
        days = options["expires_in_days"]
        token = tokens.create_token(
            log,
            name=options["name"],
            scopes=_scopes(options["scopes"]),
            stream_prefix=options["stream_prefix"],
            agent=options["agent"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stderr.write(f"A token for the log {log.name}. Keep it: it can't be shown again.")
        self.stdout.write(token)


def _scopes(text: str) -> list[Scope]:
    try:
        return [Scope(part.strip()) for part in text.split(",")]
    except ValueError as error:
        raise CommandError(f"--scopes: {error}; there are {', '.join(Scope.values)}.") from None
