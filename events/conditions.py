"""The conditions of appends, looked up in the log without its lock.

Most conditions are about the last few events: the append itself looks at those. A condition that goes further back, or
that reads payloads, is checked here first, and the append looks at what came since.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from events.appending.guards import Condition, condition_failed
from events.errors import Busy, ConditionTooWide, TooManyRequests, TooSlow, Unavailable
from events.reading import scan
from events.types import Append, Event

_SEARCH_SECONDS = scan.BUDGET


async def check(pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]], log_id: int, append: Append) -> Append:
    """Return an append with its conditions checked up to the log's head of now.

    A condition that can't be met, or checked, gets the error that says why.
    """
    guards = [
        await _checked(pool, log_id, guard) if isinstance(guard, Condition) and not guard.refusal else guard
        for guard in append.guards
    ]
    return replace(append, guards=tuple(guards))


async def _checked(
    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]], log_id: int, condition: Condition
) -> Condition:
    try:
        search = scan.search_events(
            log_id, condition.query, after=condition.checked_to, backward=False, limit=1, budget=_SEARCH_SECONDS
        )
        result = await search.afetch(pool)
    except TooSlow as error:
        return condition.refused(ConditionTooWide(error.detail, none_after=condition.none_after))
    except (Busy, TooManyRequests) as error:  # other appends of the request may be written already
        return condition.refused(error)
    except (psycopg.OperationalError, PoolTimeout):
        return condition.refused(Unavailable("The database could not check a condition; nothing was written."))
    if result.events:
        return condition.refused(condition_failed(condition, _standing(result.events[0])))
    if not result.complete:
        return condition.refused(_too_wide(condition, result.searched_to))
    return condition.checked(result.searched_to)


def _standing(event: Event) -> dict[str, object]:
    """Return what an error says of the event that stands against a condition."""
    return {"position": event.position, "stream": event.stream, "type": event.type, "id": event.id}


def _too_wide(condition: Condition, searched_to: int) -> ConditionTooWide:
    return ConditionTooWide(
        f"The condition asks for events after {condition.none_after}, and in the time for a search only those up to"
        f" {searched_to} could be looked at. Begin later, or ask for a type, a stream, an agent, a workflow or a tag.",
        none_after=condition.none_after,
        searched_to=searched_to,
    )
