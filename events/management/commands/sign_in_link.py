"""The command that makes a link to sign a person in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from events.access import sign_in


class Command(BaseCommand):
    help = "Make a link that signs a person in: once, within 15 minutes, not through a proxy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", default="admin", help="the user's name (default: admin)")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server's address")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user named {options['user']}.")
        self.stdout.write(f"{options['url'].rstrip('/')}/sign-in/{sign_in.create_link(user)}/")
