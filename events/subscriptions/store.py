"""Making, changing and reading subscriptions. Each change is recorded by a server event (`announcing.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Json

from events.errors import Forbidden, Invalid
from events.reading.statement import Statement
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.errors import NoSuchSubscription, SubscriptionFixed
from events.subscriptions.settings import Settings, check_known_name

_SETTINGS = len(fields(Settings))
NOW = -1
"""The start after the log's last event."""


@dataclass(frozen=True, slots=True)
class Status:
    """A subscription with its settings, and how far it is."""

    number: int
    name: str
    stream_prefix: str
    start: int
    generation: int
    is_paused: bool
    pause_reason: str | None
    without_key: int
    read_to: int
    head: int
    floor: int
    ready: int
    in_flight: int
    retrying: int
    waiting: int
    held: int
    of_paused_workflows: int
    oldest_unsettled_at: datetime | None
    oldest_unsettled_age: float | None
    settings: Settings

    @property
    def unsettled(self) -> int:
        """The number of events that were read and are not settled."""
        first_of_keys = self.ready + self.in_flight + self.retrying + self.held + self.of_paused_workflows
        return first_of_keys + self.waiting


async def put(
    pool: Pool,
    log_id: int,
    name: str,
    settings: Settings,
    *,
    start: int | None,
    stream_prefix: str | None,
    by: str | None,
) -> bool:
    """Make a subscription, or give it other settings; return whether it is new.

    A new query holds for the events that were not read yet. `start` is a position, or `NOW`; it matters to a new one.

    Raises:
        SubscriptionFixed: it is ordered by something else, or it started elsewhere.
        Forbidden: it belongs to tokens with another stream prefix.
    """
    row = {
        "log_id": log_id,
        "name": name,
        "start": start or 0,
        "stream_prefix": stream_prefix or "",
        **settings.as_row(),
        "backoff": Json(settings.backoff),
        "breaker": None if settings.breaker is None else Json(settings.breaker),
    }
    async with pool.connection() as session, session.transaction():
        present_row = await _make(session, row, by=by)
        if present_row is None:
            return True
        _, prefix, first, *values = present_row
        check_prefix(name, prefix, stream_prefix)
        present = Settings(*values)
        _check_fixed(name, present.order_by, settings.order_by, first, start)
        if present != settings:
            await _change(session, row, present, settings, by=by)
        return False


async def _make(session: AsyncConnection[Any], row: Mapping[str, Any], *, by: str | None) -> Sequence[Any] | None:
    """Make a subscription and return None, or return the row, now locked, of the one that has the name."""
    while True:  # the one that has the name may be ended between the two statements
        new_row = await (await session.execute(sql.MAKE, row)).fetchone()
        if new_row is not None:
            facts = {"q": row["query"]}
            await announce(session, row["log_id"], new_row[0], row["name"], "created", by=by, facts=facts, change=1)
            return None
        present_row: Sequence[Any] | None = await (await session.execute(sql.STORED, row)).fetchone()
        if present_row is not None:
            return present_row
        if await (await session.execute(sql.IS_AFTER_HEAD, row)).fetchone():
            raise Invalid("start must be a position of the log: at most its head.", field="start")


def _check_fixed(name: str, order_by: str, new_order_by: str, first: int, start: int | None) -> None:
    """Raise `SubscriptionFixed` for another order, or another start than the one after `first`."""
    if order_by != new_order_by:
        raise SubscriptionFixed(f"{name!r} is ordered by {order_by}, and that can't change.")
    if start not in (None, NOW, first):
        raise SubscriptionFixed(f"{name!r} began after position {first}, and that can't change.")


async def _change(
    session: AsyncConnection[Any], row: Mapping[str, Any], present: Settings, settings: Settings, *, by: str | None
) -> None:
    """Give a subscription other settings: those of its row."""
    new_row = await (await session.execute(sql.CHANGE, row)).fetchone()
    assert new_row
    number, version, read_to = new_row
    changes = {field: value for field, value in settings.as_row().items() if value != present.as_row()[field]}
    if "breaker" in changes:
        # An append that settles knows the breaker until it ends, and notes outcomes.
        await session.execute(sql.LOCK_LOG, row)
        await session.execute(sql.FORGET_BREAKERS, {"log_id": row["log_id"], "number": number})
    facts = {"after": read_to, "settings": changes}
    await announce(session, row["log_id"], number, row["name"], "changed", by=by, facts=facts, change=version)


async def read(pool: Pool, log_id: int, name: str | None = None) -> list[Status]:
    """Return a subscription, or all of a log by name."""
    return await statuses(log_id, name).afetch(pool)


def statuses(log_id: int, name: str | None = None) -> Statement[Status]:
    """Return the read of a subscription, or of all of a log by name."""
    return Statement(sql.STATUS, {"log_id": log_id, "name": name}, _status)


async def one(pool: Pool, log_id: int, name: str) -> Status:
    """Return a subscription.

    Raises:
        NoSuchSubscription
    """
    check_known_name(name)
    statuses = await read(pool, log_id, name)
    if not statuses:
        raise NoSuchSubscription(f"There is no subscription {name!r}.")
    return statuses[0]


def _status(*row: Any) -> Status:
    values: list[Any] = [*row[:-_SETTINGS], Settings(*row[-_SETTINGS:])]
    return Status(*values)


def check_prefix(name: str, prefix: str, token_prefix: str | None) -> None:
    """Raise `Forbidden` if a subscription belongs to tokens with another prefix; None is whoever runs the server."""
    if token_prefix is not None and prefix != token_prefix:
        raise Forbidden(f"The subscription {name!r} belongs to tokens for streams that begin with {prefix!r}.")


async def announce(
    session: AsyncConnection[Any],
    log_id: int,
    number: int,
    name: str,
    act: str,
    *,
    by: str | None,
    facts: Mapping[str, Any],
    change: int | str,
) -> None:
    """Leave the server event of a change to the announcer, in the transaction of the change.

    `change` is the version that it made, or another part of the id. The announcer appends by the order of the ids.
    """
    part = f"{change:09}" if isinstance(change, int) else change
    params = {
        "log_id": log_id,
        "id": f"subscription-{number}-{part}",
        "subject": f"subscription-{name}",
        "type": f"subscription.{act}",
        "facts": Json({"subscription": name, **facts}),
        "by": by,
    }
    await session.execute(sql.ANNOUNCE, params)
