"""The command that indexes the values in the events' data, so that a rare value is found at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from events import data_index


class Command(BaseCommand):
    help = "Index the values in the events' data: data.order:A-17 is then answered at once, and appends cost more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drop", action="store_true", help="remove the index")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["drop"]:
            data_index.drop()
            self.stdout.write("Dropped.")
        else:
            data_index.create()
            self.stdout.write("The index is ready; new events are indexed as they come.")
