"""The state before the event of a letter, as the API gives it."""

from __future__ import annotations

from msgspec import Raw

from events.access.grants import Grant
from events.errors import Forbidden
from events.reading.db_work import DbWork
from events.subscriptions.letters.letter import Letter
from events.types import Event
from projections import registry
from projections.api.responses import check_whole_log
from projections.dead_letters.api.schemas import StateBeforeOut
from projections.dead_letters.parked import Parked
from projections.dead_letters.state_before import place_before, source_of, state_before
from projections.definition.fold import ReducerFailed
from projections.jobs.fold import ensure_source
from projections.replay.address import ReplayAddress
from projections.states.fold import TooFar
from projections.states.sources import parse
from projections.states.sources.base import Source
from projections.states.sources.indexed import StreamSource
from projections.values.exact_json import NotAState


def state_out(grant: Grant, row: Letter | Parked, event: Event) -> DbWork[StateBeforeOut | None]:
    """Return the state that the consumer of an event saw; None if the token does not reach all events of the state.

    A long fold is a job.
    """
    projection = registry.PROJECTIONS.get(row.projection)
    if isinstance(row, Letter):
        source = source_of(row.order_by, event)
    elif projection is not None:
        source = yield from parse.source_of(grant.log_id, projection, row.key)
    else:
        return None
    if not _reaches(grant, source):
        return None
    place = yield from place_before(grant.log_id, source, event)
    url = ReplayAddress(grant.log, source, {"by": row.projection}).step(place)
    body = StateBeforeOut(row.projection, source.public_kind, source.name, place, url, Raw(b"null"), None, None)
    if projection is None:
        body.failure = f"There is no projection {row.projection!r}."
        return body
    try:
        body.state = Raw((yield from state_before(grant.log_id, projection, source, event)).way.state.text)
    except TooFar as too_far:
        body.job = (yield from ensure_source(grant.log_id, projection, too_far, asker=grant.asker)).id
    except (ReducerFailed, NotAState) as error:
        body.failure = str(error)
    return body


def _reaches(grant: Grant, source: Source) -> bool:
    """Whether a token reaches all events of a source."""
    try:
        if isinstance(source, StreamSource):
            grant.check_stream(source.name)
        else:
            check_whole_log(grant)
    except Forbidden:
        return False
    return True
