"""Files into a log."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from events.access.logs import named
from events.errors import EventsError
from events.transfer.importers import FORMATS
from events.transfer.importers.base import Broken, find, read_files
from events.transfer.importing import Imported, import_items
from events.transfer.restoring import restore


class Command(BaseCommand):
    help = "Append what files say to a log. It can be repeated: what is in the log already is skipped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file or directory; .gz is unzipped")
        parser.add_argument("--log", required=True)
        parser.add_argument("--format", choices=sorted(FORMATS), default="eventsite", help="default: %(default)s")
        parser.add_argument(
            "--restore",
            action="store_true",
            help="put an export back into an empty log exactly as it was, all or nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = FORMATS[options["format"]]
        if options["restore"] and chosen.name != "eventsite":
            raise CommandError("--restore takes our own format only.")
        try:
            log = named(options["log"])
            files = find(options["files"], chosen.suffixes)
        except (EventsError, FileNotFoundError) as error:
            raise CommandError(str(error)) from None
        size = sum(file.stat().st_size for file in files)
        with tqdm(total=size, unit="B", unit_scale=True, disable=None, file=sys.stderr, leave=False) as bar:
            try:
                if options["restore"]:
                    head = restore(log.id, files, progress=bar.update)
                else:
                    items = read_files(files, chosen.read, progress=bar.update)
                    imported = asyncio.run(import_items(log.id, items, report=self._report))
            except EventsError as error:
                raise CommandError(_stopped(error, restored=options["restore"])) from None
        if options["restore"]:
            self.stdout.write(f"Restored {head:,} events to {log.name}.")
        else:
            self._conclude(log.name, imported)

    def _report(self, broken: Broken) -> None:
        tqdm.write(f"{broken.where}: {broken.reason}", file=sys.stderr)

    def _conclude(self, name: str, imported: Imported) -> None:
        added = f"Added {imported.added:,} events to {name}"
        if imported.added:
            added += f", at positions from {imported.first_position:,} to {imported.last_position:,}"
        self.stdout.write(f"{added}.")
        self.stdout.write(f"Skipped {imported.there_already:,} that were there already.")
        if imported.broken:
            broken = "1 record" if imported.broken == 1 else f"{imported.broken:,} records"
            raise CommandError(f"{broken} could not be imported: see above, where each is named.")


def _stopped(error: EventsError, *, restored: bool) -> str:
    more = "Nothing was restored." if restored else "Run the same command again: it goes on from there."
    return f"{error.detail} {more}"
