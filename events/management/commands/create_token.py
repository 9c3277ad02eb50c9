"""The command that makes a token for an agent."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.access import logs, tokens
from events.errors import Invalid
from events.models import Scope


class Command(BaseCommand):
    help = (
        "Make a token for an agent, and its log if there is none. The last printed line is the token, shown only once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True, help="the log that the token opens")
        parser.add_argument("--name", required=True, help="a name that says what the token is for")
        parser.add_argument("--scopes", required=True, help=f"what the token may do: {','.join(Scope.values)}")
        parser.add_argument("--stream-prefix", default="", help="only streams whose names begin with this")
        parser.add_argument("--agent", help="only events of this agent; the default agent of its events")
        parser.add_argument("--expires-in-days", type=int, help="days until the token expires (default: never)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tokens.check_stream_prefix(options["stream_prefix"])
            log = logs.ensure_log(options["log"])
        except Invalid as error:
            raise CommandError(f"--stream-prefix: {error.detail}") from None
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
        self.stderr.write(f"This is a token for the log {log.name}. Keep it: it can't be shown again.")
        self.stdout.write(token)


def _scopes(text: str) -> list[Scope]:
    try:
        return [Scope(part.strip()) for part in text.split(",")]
    except ValueError as error:
        raise CommandError(f"--scopes: {error}; there are {', '.join(Scope.values)}.") from None
