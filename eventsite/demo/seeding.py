"""The log `demo` of a new installation, with one finished run, which is made before the server answers."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import timedelta

from events.access import logs
from events.client import ClientError
from events.engine import Engine
from events.errors import EventsError
from events.models import Log
from events.query.orm import where
from events.query.parse import parse
from events.reading import store
from eventsite.demo.live import AlreadyRunning, run_live
from eventsite.demo.storefront import Storefront

logger = logging.getLogger(__name__)

LOG = "demo"
FIRST = 1
"""The shift of the finished run."""
_DURATION = timedelta(minutes=1)
"""The time between the start of the finished run and the creation of the log: longer than a shift takes."""


class HoldsRealEvents(EventsError):
    """The demo is only for the log `demo`, or for an empty log."""

    code = "holds-real-events"
    status = 409


def check_place(log: Log) -> None:
    """Refuse a log to which the demo would add its events for ever.

    Raises:
        HoldsRealEvents: the log has events, and is not the demo's own.
    """
    if log.name != LOG and log.head:
        raise HoldsRealEvents(
            f"{log.name} has events of its own, and events that are appended to a log stay there for ever."
        )


def seed() -> None:
    """Create the log `demo` with one finished run, unless it exists; finish a run that was cut off."""
    if not Log.objects.filter(name=LOG).exists() or _is_unfinished():
        try:
            play_finished(logs.ensure_log(LOG))
        except AlreadyRunning:
            pass  # another server that starts at the same time
        except ClientError as error:
            logger.warning("the log %s could not be finished: %s", LOG, error)


def play_finished(log: Log) -> None:
    """Play the first shift without waiting. Played again into the same log, it adds nothing."""

    async def run() -> None:
        async with Engine():
            epoch = (log.created_at - _DURATION).replace(microsecond=0)
            await run_live(log, speed=math.inf, number=FIRST, epoch=epoch)

    asyncio.run(run())


def _is_unfinished() -> bool:
    log = logs.existing_log(LOG)
    first = store.event(log.id, 1).first()
    if first is None or (first.stream, first.type, first.agent) != (f"shift-{FIRST}", "shift.opened", Storefront.name):
        return False  # another log that happens to have this name
    is_closed = where(parse(f"type:shift.closed stream:shift-{FIRST}"))
    return store.events(log.id, is_closed, limit=1).first() is None
