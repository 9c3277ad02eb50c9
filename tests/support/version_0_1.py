"""An installation of version 0.1, for tests of upgrades: what version 0.1 stored, exported and answered.

The files in `tests/integration/upgrade/version_0_1` were made once, with the code of that version (commit 785d534) and
an empty database of the embedded Postgres:

1. `appends.jsonl` was written by hand: what agents sent, and which events an admin redacted, in order.
2. `manage.py migrate`; then the logs `shop`, `lab` and `empty`, a person and a token were made. Each line of
   `appends.jsonl` was appended by `Engine().writer`, or redacted by `redaction.redact(reason="a pin", by="ada")`. At
   last, `turn()` of a `Runner` of each part, until nothing was left to do.
3. `shop.jsonl` and `lab.jsonl` are what `manage.py export_events` of that version wrote.
4. `database.sql` is the output of `pg_dump --no-owner --no-privileges --inserts`, without what Postgres 15 does not
   know: the lines `\\restrict`, `\\unrestrict` and `SET transaction_timeout`. (Comments of three lines became one.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from events.types import Append
from tests.support.databases import new_database
from tests.support.factories import make_append
from tests.support.server import CHECKOUT, database_variables

FOLDER = CHECKOUT / "tests" / "integration" / "upgrade" / "version_0_1"
LOGS = ("shop", "lab")
HEADS = {"shop": 32, "lab": 3, "empty": 0}
REDACTED = (22, 23, 27)
"""The positions in `shop` of the events that were redacted."""
KEY_OF_REDACTED = "secret:1"
"""The key that covers the event at 23 and the two after it."""


def export(log: str) -> Path:
    """The export of a log that version 0.1 wrote."""
    return FOLDER / f"{log}.jsonl"


def exported(log: str) -> list[dict[str, Any]]:
    """The lines of the export, parsed."""
    return parsed(export(log).read_bytes())


def parsed(lines: bytes) -> list[dict[str, Any]]:
    # Not splitlines(): U+2028 stands in a text.
    return [json.loads(line) for line in lines.decode().split("\n") if line]


def appends(log: str, **changes: Any) -> list[Append]:
    """What was appended to a log, in order, with other data in its `Charged` events if `changes` has some."""
    lines = [line for line in parsed((FOLDER / "appends.jsonl").read_bytes()) if line["log"] == log]
    return [_append(changes=changes, **line) for line in lines if "redact" not in line]


def _append(*, log: str, stream: str, events: list[dict[str, Any]], changes: dict[str, Any], **fields: Any) -> Append:
    return make_append(stream, *(_event(each | (changes if _has_pin(each) else {})) for each in events), **fields)


def _has_pin(event: dict[str, Any]) -> bool:
    return isinstance(event["data"], dict) and "pin" in event["data"]


def _event(event: dict[str, Any]) -> dict[str, Any]:
    texts = {name: json.dumps(event[name]).encode() for name in ("data", "metadata") if name in event}
    return event | texts


@contextmanager
def installed() -> Iterator[None]:
    """Make the database that version 0.1 left, and let Django, and all connections of this process, use it."""
    with new_database("version-0-1") as name:
        with psycopg.connect(make_conninfo(database_variables()["DATABASE_URL"], dbname=name)) as session:
            session.execute((FOLDER / "database.sql").read_bytes())
        yield
