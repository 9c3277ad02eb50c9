"""The command that sets for what a log demands leases."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.access.logs import existing_log
from events.engine import Engine
from events.errors import EventsError
from events.leases.demands import Demands, demand


class Command(BaseCommand):
    help = (
        "Set which appends to a log need a lease, instead of what was set before. It holds at once, in all processes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("log", help="the log")
        parser.add_argument("--workflows", action="store_true", help="events of a workflow need the workflow's lease")
        parser.add_argument(
            "--streams",
            nargs="+",
            default=[],
            metavar="PREFIX",
            help="streams whose names begin so need their own lease",
        )
        parser.add_argument(
            "--types",
            nargs="+",
            default=[],
            metavar="TYPE",
            help="these types need the lease of the stream or workflow",
        )
        parser.add_argument("--none", action="store_true", help="no append needs a lease")

    def handle(self, *args: Any, **options: Any) -> None:
        demands = Demands(options["workflows"], tuple(options["streams"]), tuple(options["types"]))
        if options["none"] == (demands != Demands()):
            raise CommandError("Give some of --workflows, --streams and --types, or --none.")
        try:
            position = asyncio.run(_demand(existing_log(options["log"]).id, demands))
        except EventsError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"It holds from event {position} of {options['log']} on.")


async def _demand(log_id: int, demands: Demands) -> int:
    async with Engine() as engine:
        return await demand(engine.writer, log_id, demands, by=getuser())
