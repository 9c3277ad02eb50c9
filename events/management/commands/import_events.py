"""The command that imports files into a log, or restores an export."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from events.access import logs
from events.errors import EventsError
from events.system_streams import PREFIX
from events.transfer.importers import FORMATS, find_files, other_formats
from events.transfer.importers.base import Broken, Format, read_files
from events.transfer.importing import Imported, import_items
from events.transfer.restoring import restore
from events.types import LogInfo

_MAX_NAMED = 100
"""Broken records that are named; the others are only counted."""


class Command(BaseCommand):
    help = "Append the events of files to a log. You can repeat this: events that are in the log already are skipped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file or directory; .gz is unzipped")
        parser.add_argument("--log", required=True)
        parser.add_argument("--create", action="store_true", help="make the log if it does not exist")
        parser.add_argument("--format", choices=sorted(FORMATS), default="eventsite", help="default: %(default)s")
        parser.add_argument(
            "--restore",
            action="store_true",
            help="put an export back into an empty log exactly as it was, all or nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        format = FORMATS[options["format"]]
        if options["restore"] and format.name != "eventsite":
            raise CommandError("--restore takes only exports of Eventsite.")
        try:
            files = find_files(options["files"], format)
            if options["create"]:
                logs.ensure_log(options["log"])
            log = logs.existing_log(options["log"])
        except ValidationError as error:
            raise CommandError(f"--log: {' '.join(error.messages)}") from None
        except (EventsError, FileNotFoundError) as error:
            raise CommandError(str(error)) from None
        with tqdm(
            total=sum(file.stat().st_size for file in files),
            unit="B",
            unit_scale=True,
            disable=None,
            file=sys.stderr,
            leave=False,
        ) as bar:
            if options["restore"]:
                self._restore(log, files, progress=bar.update)
            else:
                self._import(log, files, format, progress=bar.update)

    def _restore(self, log: LogInfo, files: list[Path], *, progress: Callable[[int], object]) -> None:
        try:
            head = restore(log.id, files, progress=progress)
        except EventsError as error:
            raise CommandError(f"{error.detail} Nothing was restored.") from None
        self.stdout.write(f"Restored {head:,} events to {log.name}.")

    def _import(self, log: LogInfo, files: list[Path], format: Format, *, progress: Callable[[int], object]) -> None:
        items = read_files(files, format.read, progress=progress)
        try:
            imported = asyncio.run(import_items(log.id, items, report=_Report()))
        except EventsError as error:
            raise CommandError(f"{error.detail} Run the same command again: it goes on from there.") from None
        sentence = f"Added {imported.added:,} events to {log.name}"
        if imported.added:
            sentence += f", at positions from {imported.first_position:,} to {imported.last_position:,}"
        self.stdout.write(f"Read {_counted(len(files), 'file')}.")
        self.stdout.write(f"{sentence}.")
        self.stdout.write(f"Skipped {imported.there_already:,} that were in the log already.")
        if imported.system_events:
            reason = f"only the server writes streams whose names begin with {PREFIX!r}; --restore takes them"
            self.stdout.write(f"Left out {_counted(imported.system_events, 'system event')}: {reason}.")
        if failure := _failure(imported, format):
            raise CommandError(failure)


class _Report:
    """Names each broken record as it comes, up to a number that a person may read."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, broken: Broken) -> None:
        self._count += 1
        if self._count <= _MAX_NAMED:
            tqdm.write(f"{broken.where}: {broken.reason}", file=sys.stderr)


def _failure(imported: Imported, format: Format) -> str:
    """Return the message about records that were not imported; "" if there are none."""
    sentences = []
    if imported.broken:
        subject = f"the first {_MAX_NAMED} are" if imported.broken > _MAX_NAMED else "each is"
        sentences.append(
            f"{_counted(imported.broken, 'record')} could not be imported: see above, where {subject} named."
        )
    if not imported.readable:
        sentences.append(f"Nothing could be read in the format {format}. {other_formats(format)}")
    return " ".join(sentences)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
