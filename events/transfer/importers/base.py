"""The base of all formats: records with their place in their file, and broken ones with the reason.

A format is one file beside this one, and is listed in `FORMATS`. It turns an open `SourceFile` into records, one at a
time. `SourceFile.record()` makes sure that a record that can't be read does not end the file.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from events.appending.checks import check_stream
from events.errors import EventsError, TooLarge
from events.json.encoding import BOM, other_encoding
from events.types import NewEvent

Raw = TypeVar("Raw")
Streamed = tuple[str, NewEvent]
"""The name of a stream, and a checked event for it."""

DOCUMENT_MAX_BYTES = 256 * 2**20
"""The largest file of a format that has to be read as a whole."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event to append, and its place in its file (`runs/12.jsonl:7`)."""

    where: str
    stream: str
    event: NewEvent


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that could not be imported: its place, and the reason."""

    where: str
    reason: str


Item = Record | Broken


class SourceFile:
    """One open file, unzipped if its name ends in `.gz`. `name` is the file's name without `.gz`."""

    def __init__(self, path: Path, file: BufferedReader | gzip.GzipFile) -> None:
        self._path = path
        self._file = file
        # A name on a disk may be any bytes, but events hold text only.
        self.name = os.fsencode(path.name).decode(errors="replace").removesuffix(".gz")
        self.line = 0

    def at(self, place: int | str) -> str:
        """Return a place in this file for a message; a number is the number of a line."""
        return f"{self._path}:{place}"

    def other_encoding(self) -> str | None:
        """Return the file's encoding if it isn't UTF-8. Call this before anything is read."""
        return other_encoding(self._file.peek(4))

    def lines(self, max_bytes: int) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that aren't blank, numbered from 1. One that is too long is cut just after `max_bytes`."""
        while text := self._file.readline(max_bytes + 1):
            self.line += 1
            rest = text
            while len(rest) > max_bytes and not rest.endswith(b"\n"):
                rest = self._file.readline(max_bytes + 1)
            if text.removeprefix(BOM).strip():
                yield self.line, text

    def document(self) -> bytes:
        """Return the whole file.

        Raises:
            TooLarge: it has more than `DOCUMENT_MAX_BYTES`.
        """
        text = self._file.read(DOCUMENT_MAX_BYTES + 1)
        if len(text) > DOCUMENT_MAX_BYTES:
            raise TooLarge(f"The file has more than {DOCUMENT_MAX_BYTES:,} bytes.", limit=DOCUMENT_MAX_BYTES)
        return text

    def record(self, place: int | str, parse: Callable[[Raw], Streamed], raw: Raw) -> Item:
        """Return `parse(raw)` as a record, or as a broken one if it raises an `EventsError`."""
        try:
            stream, event = parse(raw)
            return Record(self.at(place), check_stream(stream), event)
        except EventsError as error:
            return Broken(self.at(place), error.detail)


@dataclass(frozen=True, slots=True)
class Format:
    """A format with its name on the command line. From a directory it takes the files with its suffixes."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[SourceFile], Iterator[Item]]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.suffixes)})"


def line_max_bytes() -> int:
    """Return the length limit of a line, which is that of a request."""
    return int(settings.EVENTSITE.request_max_bytes)


def check_line(text: bytes, max_bytes: int) -> bytes:
    """Return the line, or raise `TooLarge` for one that `SourceFile.lines()` had to cut."""
    if len(text) > max_bytes:
        raise TooLarge(f"The line is longer than {max_bytes:,} bytes.", limit=max_bytes)
    return text


def by_line(parse: Callable[[bytes], Streamed]) -> Callable[[SourceFile], Iterator[Item]]:
    """Return the reader of a format with one record a line."""

    def read(source: SourceFile) -> Iterator[Item]:
        max_bytes = line_max_bytes()
        for number, text in source.lines(max_bytes):
            yield source.record(number, lambda line: parse(check_line(line, max_bytes)), text)

    return read


def find(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files among `paths`, and those with a suffix (or one and `.gz`) below the directories among them.

    Raises:
        FileNotFoundError: a path isn't there.
    """
    endings = (*suffixes, *(f"{suffix}.gz" for suffix in suffixes))
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*") if file.name.endswith(endings) and file.is_file())
        elif path.exists():
            files.append(path)
        else:
            raise FileNotFoundError(f"There is no file {path}.")
    return files


def read_files(
    paths: Iterable[Path], read: Callable[[SourceFile], Iterator[Item]], *, progress: Callable[[int], object]
) -> Iterator[Item]:
    """Yield every file's items. A file that breaks off (a cut .gz) is one more broken record.

    `progress` is called with the number of bytes that were read since the last call.
    """
    for path in paths:
        source = None
        try:
            with ExitStack() as stack:
                file = stack.enter_context(path.open("rb"))
                unzipped = _unzipped(path, file)
                stack.enter_context(unzipped)
                source = SourceFile(path, unzipped)
                if encoding := source.other_encoding():
                    yield Broken(str(path), f"The file is in {encoding}; only UTF-8 can be read.")
                    continue
                reported_bytes = 0
                for item in read(source):
                    yield item
                    # A pipe has no position to report.
                    read_bytes = file.tell() if file.seekable() else 0
                    progress(read_bytes - reported_bytes)
                    reported_bytes = read_bytes
        except (OSError, EOFError, zlib.error) as error:
            where = source.at(source.line + 1) if source and source.line else str(path)
            yield Broken(where, f"The rest of the file can't be read: {error}")


def _unzipped(path: Path, file: BufferedReader) -> BufferedReader | gzip.GzipFile:
    return gzip.GzipFile(fileobj=file) if path.name.endswith(".gz") else file
