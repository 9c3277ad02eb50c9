"""The command that plays the demo live, which `make demo` runs."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from events import client
from events.access import logs
from events.engine import Engine
from events.models import Log
from eventsite.demo.live import AlreadyRunning, run_live
from eventsite.demo.run import Shift
from eventsite.demo.seeding import LOG, HoldsRealEvents, check_place


class Command(BaseCommand):
    help = (
        "Let three agents handle a few orders, live, through the API of a running server. docs/demo.md tells the story."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", default=LOG, help=f"the log: {LOG} (the default) or an empty log")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
        parser.add_argument("--speed", type=_speed, default=1.0, help="1 takes 47 seconds, 2 takes 24 (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        url = options["url"].rstrip("/")
        if not client.answers(url):
            raise CommandError(f"No Eventsite answers at {url}. Start one with `make run`, or name another: --url.")
        try:
            log = logs.ensure_log(options["log"])
            check_place(log)
        except ValidationError as error:
            raise CommandError(f"--log: {' '.join(error.messages)}") from None
        except HoldsRealEvents as error:
            raise CommandError(f"--log: {error.detail} {error.title()}.") from None
        self.stdout.write(f"Watch it at {url}/logs/{log.name}/")
        try:
            shift = asyncio.run(_run(log, url, options["speed"]))
        except (AlreadyRunning, client.ClientError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Shift {shift.number} is over: events {shift.first_position} to {shift.last_position}.")


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1000:
        raise ArgumentTypeError("it takes a number above 0, up to 1000.")
    return speed


async def _run(log: Log, url: str, speed: float) -> Shift:
    async with Engine():  # for the lock; the events go over HTTP
        return await run_live(log, speed=speed, transport=client.http(url))
