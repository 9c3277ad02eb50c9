"""The command that plays a recorded run into a log at its own pace, to watch it live."""

from __future__ import annotations

import asyncio
import secrets
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from events import client
from events.access import logs, tokens
from events.api.schemas import AppendOut
from events.models import Scope
from events.system_streams import is_system
from events.transfer.importers import FORMATS, NothingToRead, find_files, other_formats
from events.transfer.importers.base import Broken, Format, Record, read_files
from events.transfer.playing import Playing

_LOG = "main"
_TOKEN_LIFETIME = timedelta(days=1)
_NAMES = 20


class Command(BaseCommand):
    help = "Append a recorded run through the API of a running server, at its recorded pace, for you to watch live."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="file or directory; .gz is unzipped")
        parser.add_argument("--format", choices=sorted(FORMATS), default="eventsite", help="default: %(default)s")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--run", metavar="STREAM", help="the run, by its stream (default: the first)")
        which.add_argument("--all", action="store_true", help="all runs, in the order of the file")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--log", default=_LOG, help="the log; made if it does not exist (default: %(default)s)")
        where.add_argument("--token", help="a token that may append; it names the log (default: a new one)")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
        parser.add_argument("--speed", type=_speed, default=1.0, help="10 makes each pause a tenth (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        records = self._records(options["file"], FORMATS[options["format"]])
        if not options["all"]:
            records = self._run(records, options["run"])
        url = options["url"].rstrip("/")
        if not client.answers(url):
            raise CommandError(f"No Eventsite answers at {url}. Start one with `make run`, or name another: --url.")
        playing = Playing(name=secrets.token_hex(4), speed=options["speed"])
        with _token(options) as token:
            self._play(playing, records, url, token)

    def _play(self, playing: Playing, records: list[Record], url: str, token: str) -> None:
        event_count = 0
        with tqdm(total=len(records), unit="event", disable=None, file=sys.stderr, leave=False) as bar:

            def count(appended: AppendOut) -> None:
                nonlocal event_count
                if not event_count:
                    self.stdout.write(f"Watch it at {url}/logs/{appended.log}/")
                event_count += 1
                bar.update()

            try:
                asyncio.run(playing.play(records, client.Api(client.http(url), token), on_append=count))
            except client.ClientError as error:
                raise CommandError(f"{error} {event_count:,} of {len(records):,} events are in the log.") from None
            except KeyboardInterrupt:
                words = f"Stopped: {event_count:,} of {len(records):,} events are in the log, and stay there."
                self.stdout.write(words)
                raise
        self.stdout.write(f"Played {event_count:,} events.")

    def _records(self, file: Path, format: Format) -> list[Record]:
        try:
            files = find_files([file], format)
        except (FileNotFoundError, NothingToRead) as error:
            raise CommandError(str(error)) from None
        records = []
        for item in read_files(files, format.read, progress=lambda count: None):
            if isinstance(item, Broken):
                self.stderr.write(f"{item.where}: {item.reason}")
            elif not is_system(item.stream):  # the server wrote these itself
                records.append(item)
        if not records:
            raise CommandError(f"{file} has nothing in the format {format} to play. {other_formats(format)}")
        return records

    def _run(self, records: list[Record], name: str | None) -> list[Record]:
        """Return the records of one stream."""
        names = list(dict.fromkeys(record.stream for record in records))
        if name is None and len(names) > 1:
            self.stdout.write(f"Playing the first of {len(names):,} runs, {names[0]}. For others: --run, --all.")
        if name is not None and name not in names:
            more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
            raise CommandError(f"There is no run {name!r} in it. There are: {', '.join(names[:_NAMES])}{more}.")
        return [record for record in records if record.stream == (name or names[0])]


@contextmanager
def _token(options: dict[str, Any]) -> Iterator[str]:
    """Give the token of the options, or a new one that is removed at the end of the block."""
    if options["token"]:
        yield options["token"]
        return
    try:
        log = logs.ensure_log(options["log"])
    except ValidationError as error:
        raise CommandError(f"--log: {' '.join(error.messages)}") from None
    with tokens.temporary_token(log, name="play", scopes=[Scope.APPEND], lifetime=_TOKEN_LIFETIME) as token:
        yield token


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1000:
        raise ArgumentTypeError("it takes a number above 0, up to 1000.")
    return speed
