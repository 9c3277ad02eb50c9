"""The formats that can be imported, by name. A new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from events.errors import EventsError
from events.transfer.importers import eventsite, github_archive, openhands, tau_bench, who_and_when
from events.transfer.importers.base import Format, find

_MODULES = (eventsite, github_archive, openhands, tau_bench, who_and_when)
FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in _MODULES}


class NothingToRead(EventsError):
    """There is nothing that this format can read."""


def find_files(paths: Iterable[Path], format: Format) -> list[Path]:
    """Return the files that `paths` mean, at least one.

    Raises:
        FileNotFoundError: a path isn't there.
        NothingToRead: the directories hold no file of the format.
    """
    paths = list(paths)
    files = find(paths, format.suffixes)
    if not files:
        raise NothingToRead(f"There is no file of {format} in {', '.join(map(str, paths))}. {other_formats(format)}")
    return files


def other_formats(format: Format) -> str:
    """Return the other values of `--format`, for a message when one did not fit."""
    return f"Other formats: {', '.join(str(other) for other in FORMATS.values() if other is not format)}."
