"""Management commands, called as functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

from events.engine import Engine
from events.errors import EventsError
from events.models import Log
from events.types import Append, Appended


def append(log: Log, *appends: Append) -> list[Appended | EventsError]:
    async def run() -> list[Appended | EventsError]:
        async with Engine() as engine:
            return await engine.writer.append(log.id, appends)

    return asyncio.run(run())


def import_events(log: Log, *files: Path, **options: Any) -> str:
    """Import files and return the output of the command. Raises CommandError if the command ends with 1."""
    output = StringIO()
    call_command("import_events", *map(str, files), log=log.name, stdout=output, **options)
    return output.getvalue()


def export_events(log: Log, file: Path, **options: Any) -> bytes:
    """Export a log and return the bytes of the file."""
    call_command("export_events", log=log.name, output=str(file), **{"stderr": StringIO(), **options})
    return file.read_bytes()


def redact_event(log: Log, position: int, **options: Any) -> str:
    output = StringIO()
    options = {"reason": "a password", "by": "ada"} | options
    call_command("redact_event", position, log=log.name, stdout=output, stderr=StringIO(), **options)
    return output.getvalue()


def write_lines(path: Path, lines: Sequence[object]) -> Path:
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return path
