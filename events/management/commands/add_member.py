"""The command that makes a person a member of a log."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from events.access import logs
from events.errors import NotFound
from events.models import Member, Role


class Command(BaseCommand):
    help = "Make a person a member of a log, or change their role there. Makes the user if there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True, help="the log")
        parser.add_argument("--user", required=True, help="the person's username")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER.value, help="default: viewer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = logs.existing_log(options["log"])
        except NotFound as error:
            raise CommandError(error.detail) from None
        user, is_new = User.objects.get_or_create(username=options["user"])
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        Member.objects.update_or_create(log_id=log.id, user=user, defaults={"role": options["role"]})
        self.stdout.write(f"{user} is {options['role']} of {log.name}.")
        if not user.has_usable_password():
            self.stdout.write(
                f"To sign in: manage.py changepassword {user}, or manage.py sign_in_link --user {user} (once)."
            )
