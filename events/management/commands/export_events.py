"""The command that writes a log to a file."""

from __future__ import annotations

import gzip
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from events.access.logs import existing_log
from events.errors import EventsError
from events.query.parse import parse
from events.query.reading import refuse_state
from events.query.times import pin_times
from events.transfer.exporting import export


class Command(BaseCommand):
    help = "Write a log's events as JSON lines, one event per line, with everything that import_events --restore needs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log", required=True)
        parser.add_argument("--query", default="", help="a query, as 'type:Order* since:7d' (default: all events)")
        parser.add_argument("--output", default="-", help="a file, zipped if it ends in .gz (default: -, stdout)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = existing_log(options["log"])
            query = pin_times(parse(options["query"]), timezone.now())
            refuse_state(query)
        except EventsError as error:
            raise CommandError(error.detail) from None
        event_count = 0
        bar = tqdm(unit=" events", unit_scale=True, disable=None, file=sys.stderr, leave=False)
        try:
            with bar, _output(options["output"]) as file:
                for position in export(log.id, file.write, query=query, start=bar.reset):
                    bar.update(position - bar.n)
                    event_count += 1
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}. No file was left there.") from None
        self.stderr.write(f"Exported {event_count:,} events of {log.name}.")


@contextmanager
def _output(name: str) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when it is whole. Only its owner may read it."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            with _zipped(path, file) as zipped:
                yield zipped
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


@contextmanager
def _zipped(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if not path.name.endswith(".gz"):
        yield file
        return
    # The file holds no name and no time, so that the same log gives the same bytes.
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as zipped:
        yield zipped  # type: ignore[misc]
