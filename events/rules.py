"""The rules of a log, of all kinds together. A kind is a reader: it returns what refuses an append, if there is any."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from events import sql
from events.appending.connection import Connection
from events.appending.plan import Refusal, Rules
from events.errors import EventsError
from events.leases.demands import read_rule as read_lease_demands
from events.pauses.rule import read_rule as read_pauses
from events.types import Append

ReadRule: TypeAlias = Callable[[Connection, int, float], Awaitable[Refusal | None]]
"""Reads the rules of one kind of a log on a connection, within some seconds; None: it refuses nothing."""
_KINDS: Sequence[ReadRule] = (read_pauses, read_lease_demands)


async def read_rules(connection: Connection, log_id: int, patience: float) -> Rules:
    """Return a log's rules.

    Their position is read first: what is read after it may be newer, and is then read once more, but is never older.
    """
    rules = await read_no_rules(connection, log_id, patience)
    refusals = [refusal for read in _KINDS if (refusal := await read(connection, log_id, patience))]
    return replace(rules, refusal=_first_of(refusals)) if refusals else rules


async def read_no_rules(connection: Connection, log_id: int, patience: float) -> Rules:
    """Return rules that refuse nothing: for an import, which brings what happened elsewhere."""
    [[position]] = await connection.execute(sql.RULES_AT, {"log_id": log_id}, patience=patience)
    return Rules(position)


def _first_of(refusals: Sequence[Refusal]) -> Refusal:
    def refusal(append: Append) -> EventsError | None:
        return next((error for each in refusals if (error := each(append))), None)

    return refusal
