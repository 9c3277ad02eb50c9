"""The command that makes indexes of the log anew, where it pays."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events import reindexing
from events.reindexing import IndexSize


class Command(BaseCommand):
    help = "Make the indexes of the log that are a third empty smaller, while appends go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="index", help="make these anew, whatever is gained")
        parser.add_argument("--list", action="store_true", help="only list the indexes and what would be gained")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self._list(reindexing.measure())
            return
        try:
            with reindexing.alone():
                self._reindex(_chosen(reindexing.measure(), options["names"]))
        except reindexing.AlreadyRunning:
            raise CommandError("Another process makes indexes anew. Wait until it is done.") from None

    def _list(self, sizes: Sequence[IndexSize]) -> None:
        for index in sizes:
            note = "  it pays" if index.pays else ""
            self.stdout.write(f"{index.name:28} {_mib(index.size)}  anew about {_mib(index.fresh_size)}{note}")

    def _reindex(self, sizes: Sequence[IndexSize]) -> None:
        gain = 0
        for index in sizes:
            start = time.monotonic()
            size = reindexing.reindex(index.name)
            seconds = time.monotonic() - start
            gain += index.size - size
            self.stdout.write(f"{index.name:28} {_mib(index.size)}  now {_mib(size)}  in {seconds:.0f} s")
        self.stdout.write(f"Gained {_mib(gain).strip()}." if sizes else "No index is worth it: --list shows all.")


def _chosen(sizes: Sequence[IndexSize], names: Sequence[str]) -> list[IndexSize]:
    if unknown := set(names) - {index.name for index in sizes}:
        raise CommandError(f"The log has no such index: {', '.join(sorted(unknown))}. --list shows all.")
    return [index for index in sizes if (index.name in names if names else index.pays)]


def _mib(size: int) -> str:
    return f"{size / 2**20:8,.1f} MiB"
