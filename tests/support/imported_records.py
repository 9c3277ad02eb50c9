"""The records that an import format reads from a file that a test has written."""

from __future__ import annotations

import json
from pathlib import Path

from events.transfer.importers.base import Format, Item, Record, read_files


def read_items(format: Format, path: Path, content: object) -> list[Item]:
    """The items of a file that holds `content`.

    Content is bytes, or a value that is written as JSON; of a tuple, each item is a line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, tuple):
        content = "\n".join(json.dumps(line) for line in content).encode()
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return list(read_files([path], format.read, progress=lambda count: None))


def records(format: Format, path: Path, content: object) -> list[Record]:
    """The records of a file in which nothing is broken."""
    items = read_items(format, path, content)
    assert all(isinstance(item, Record) for item in items), items
    return [item for item in items if isinstance(item, Record)]
