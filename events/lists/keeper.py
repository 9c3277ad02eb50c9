"""The keeper of the lists: it follows each log and lists its new streams and workflows, at most a second late.

A log's checkpoint moves in the transaction that changes its lists, so each event counts exactly once, also if the
process is killed. Any number of keepers may run: while one works on a log, the others leave the log out.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import psycopg

from events import sql
from events.errors import brief
from events.sessions import direct
from events.sql import lists

logger = logging.getLogger(__name__)

_STEP_EVENTS = 5_000
"""The events of one transaction: 50 ms of work, on a slow machine."""
_PAUSE_SECONDS = 0.25
"""The time between two rounds. It bounds the writing: a stream with a hundred events a second is updated four times."""
_TURN_SECONDS = 0.02
"""The wait while another keeper works on the log."""
_SETTINGS = {"lock_timeout": "1s"}
"""A log whose rows another session holds delays the other logs no longer than this."""
_POLL_SECONDS = 1.0
"""The time after which the keeper looks at all logs, should a notification be lost."""
_RETRY_SECONDS = 1.0
"""The wait after the database was away."""


def run(stop_event: threading.Event) -> None:
    """Keep the lists of all logs until the event is set. While the database is away, wait."""
    while not stop_event.is_set():
        try:
            with _connect() as session:
                session.execute(sql.LISTEN)
                _keep_all(session, stop_event)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            logger.warning("lists: %s", brief(error))
            stop_event.wait(_RETRY_SECONDS)


def keep(session: psycopg.Connection[Any], *, step_events: int = _STEP_EVENTS) -> bool:
    """List the next events of each log, in one transaction a log; return whether a log has more.

    A log that can't be listed is left out until the next round.
    """
    have_more = False
    for (log_id,) in session.execute(lists.LOGS_TO_KEEP).fetchall():
        try:
            have_more |= _step(session, log_id, step_events)
        except psycopg.Error as error:
            if session.closed:
                raise
            logger.warning("lists of log %s: %s", log_id, brief(error))
    return have_more


def rebuild(log_id: int) -> None:
    """Make the lists of a log anew, up to the present head. Another keeper may do a part of it."""
    log = {"log_id": log_id}
    with _connect() as session:
        with session.transaction():
            for statement in lists.FORGET:
                session.execute(statement, log)
        head = session.execute(sql.HEAD, log).fetchone()
        while session.execute(lists.IS_LISTED, {**log, "head": head and head[0]}).fetchone() == (False,):
            if not _step(session, log_id, _STEP_EVENTS):
                time.sleep(_TURN_SECONDS)


def _connect() -> psycopg.Connection[Any]:
    return psycopg.connect(direct().session("lists", _SETTINGS), autocommit=True)


def _step(session: psycopg.Connection[Any], log_id: int, events: int) -> bool:
    return session.execute(lists.KEEP, {"log_id": log_id, "most": events}).fetchone() == (True,)


def _keep_all(session: psycopg.Connection[Any], stop_event: threading.Event) -> None:
    while not stop_event.is_set():
        # The round includes all notifications until now. A keeper that is never idle would collect them for ever.
        for _ in session.notifies(timeout=0):
            pass
        if not keep(session):
            stop_event.wait(_PAUSE_SECONDS)
            for _ in session.notifies(timeout=_POLL_SECONDS, stop_after=1):
                pass
