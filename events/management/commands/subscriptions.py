"""The command that lists the subscriptions of a log, makes, changes and ends one, and rewinds or pauses it."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from datetime import UTC, datetime
from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.access.logs import existing_log
from events.api.decoding import decode_json
from events.api.subscription_schemas import SubscriptionIn
from events.api.subscription_settings import settings_of, start_of
from events.engine import Engine
from events.errors import EventsError, Invalid
from events.query.times import parse_time
from events.query.tree import Ago
from events.subscriptions import orders, pausing, store, unsettled
from events.subscriptions.orders import Order
from events.subscriptions.rewinding import Rewound, rewind
from events.subscriptions.settings import check_subscription_name
from events.subscriptions.store import Status

_ACTS = ("put", "delete", "rewind", "pause", "resume")
_MOST_HOLDERS = 5


class Command(BaseCommand):
    help = "List the subscriptions of a log and who holds their deliveries; make, change, end, rewind or pause one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("log", help="the log")
        parser.add_argument("name", nargs="?", help="the subscription (default: all are listed)")
        parser.add_argument("act", nargs="?", choices=_ACTS, help="default: show it")
        parser.add_argument(
            "value", nargs="?", help="of put: its settings as JSON, as in the API; of rewind: a position or a time"
        )
        parser.add_argument("--reason", help="why it is paused or resumed")
        parser.add_argument("--dry-run", action="store_true", help="count only, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        act = options["act"]
        if (act in ("put", "rewind")) != (options["value"] is not None):
            raise CommandError("put needs settings, and rewind a place; nothing else takes a value.")
        if options["dry_run"] and act not in ("rewind", "pause", "resume"):
            raise CommandError("--dry-run is for rewind, pause and resume.")
        if options["reason"] is not None and act not in ("pause", "resume"):
            raise CommandError("--reason is for pause and resume.")
        try:
            lines = asyncio.run(_do(existing_log(options["log"]).id, options))
        except EventsError as error:
            raise CommandError(error.detail) from None
        for line in lines:
            self.stdout.write(line)


async def _do(log_id: int, options: dict[str, Any]) -> list[str]:
    """Do what is asked for; return the lines that tell it."""
    act, name = options["act"], options["name"]
    async with Engine() as engine:
        if act is None:
            return await _show(engine, log_id, name)
        order = Order(engine.pool, log_id, name, None, getuser(), options["dry_run"])
        if act == "put":
            line = await _put(order, options["value"])
        elif act == "delete":
            await orders.delete(order)
            line = f"{name} is ended."
        elif act == "rewind":
            line = _rewound(order, await rewind(order, to=_place_of(options["value"])))
        else:
            line = await _pause(order, act, options["reason"])
        await engine.announcer.announce()
    return [line]


async def _show(engine: Engine, log_id: int, name: str | None) -> list[str]:
    if name is None:
        return [_line(status) for status in await store.read(engine.pool, log_id)]
    status = await store.one(engine.pool, log_id, name)
    lines = [_line(status), f"    {status.settings}"]
    for each in await unsettled.holders(log_id, status.number, limit=_MOST_HOLDERS).afetch(engine.pool):
        since = f"{each.oldest_taken_at:%Y-%m-%d %H:%M:%S}"
        lines.append(f"    {each.consumer} holds {each.deliveries:,}, the oldest since {since} UTC")
    return lines


def _line(status: Status) -> str:
    to_try = status.ready + status.retrying
    window = f"{status.in_flight:,} of {status.settings.max_in_flight:,} in flight"
    counts = f"{window}, {to_try:,} to try, {status.waiting:,} waiting, {status.held:,} held"
    place = f"read to {status.read_to:,} of {status.head:,}, settled to {status.floor:,}"
    pause = f"; paused: {status.pause_reason or 'no reason given'}" if status.is_paused else ""
    return f"{status.name}: {place}; {counts}{pause}"


async def _put(order: Order, text: str) -> str:
    body = decode_json(text.encode(), SubscriptionIn, name="settings")
    is_new = await store.put(
        order.pool,
        order.log_id,
        check_subscription_name(order.name),
        settings_of(body),
        start=start_of(body),
        stream_prefix=None,
        by=order.by,
    )
    return f"{order.name} is {'made' if is_new else 'changed, if its settings were others'}."


def _place_of(text: str) -> int | datetime:
    """Return the position or the time that a text means."""
    if text.isascii() and text.isdigit():
        return int(text)
    time = parse_time(text)
    if time is None:
        raise Invalid("A rewind needs a position, such as 0 or 4711, or a time, such as 2h or 2026-01-31T12:00Z.")
    return time.before(datetime.now(UTC)) if isinstance(time, Ago) else time


def _rewound(order: Order, effect: Rewound) -> str:
    if effect.position < effect.begin:
        events = f"events delivered again {effect.delivered_again:,}, settled before {effect.settled_before:,}"
    else:
        events = f"events skipped {effect.skipped:,}"
    counts = f"deliveries void {effect.unsettled.in_flight:,}, dead letters closed {effect.unsettled.letters:,}"
    verb = "would go" if order.is_dry_run else "goes"
    return f"{order.name} {verb} from {effect.begin:,} to {effect.position:,}: {events}, {counts}"


async def _pause(order: Order, act: str, reason: str | None) -> str:
    changed = await (pausing.pause if act == "pause" else pausing.resume)(order, reason=reason)
    status = await store.one(order.pool, order.log_id, order.name)
    verb = "would be" if order.is_dry_run else "is"
    state = "paused" if act == "pause" else "resumed"
    before = "" if changed else " (it was so before)"
    counts = f"deliveries in flight {status.in_flight:,}, events unsettled {status.unsettled:,}"
    return f"{order.name} {verb} {state}{before}: {counts}"
