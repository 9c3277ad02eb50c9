"""The API of dead letters: what could not be done is listed, looked up, and decided about."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import UnsetType
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.author import author_of
from events.api.decoding import decode_json, optional, parse_query
from events.api.openapi import operation, read_operation
from events.api.query_schemas import LogQuery
from events.api.responses import json_answer
from events.errors import Invalid, NotFound, TooLarge
from events.models import Scope
from events.reading import store
from events.reading.db_work import DbWork, T, run_async
from events.subscriptions.letters import reads
from events.subscriptions.letters.deciding import Decision
from events.subscriptions.letters.letter import UNDONE, Attempt, Letter, LetterId, Selection
from events.types import Event
from projections.api.responses import job_answer
from projections.api.schemas import JobOut
from projections.dead_letters.api.responses import dead_letter_out, decided_out, detail_out
from projections.dead_letters.api.schemas import (
    MAX_IDS,
    DeadLetterDetailOut,
    DeadLettersOut,
    DeadLettersQuery,
    DecideIn,
    DecisionsOut,
    WhereIn,
)
from projections.dead_letters.api.state import state_out
from projections.dead_letters.deciding import Order, carry_out
from projections.dead_letters.listing import undone
from projections.dead_letters.parked import Parked, parked_key
from projections.dead_letters.target import Target, Where, parse_id
from projections.models import Job

router = Router(tags=["dead letters"])

_see = Bearer(Scope.READ, Scope.CONSUME, Scope.SUPERVISE)
_supervise = Bearer(Scope.SUPERVISE)
_REFUSALS = (400, 401, 403, 404, 408, 409, 413, 422, 503)


@router.get(
    "/dead-letters",
    auth=_see,
    summary="List dead letters",
    openapi_extra=read_operation(DeadLettersOut, DeadLettersQuery),
)
async def list_dead_letters(request: HttpRequest) -> HttpResponse:
    """Return the dead letters of subscriptions, those of the last events first, and then parked keys of projections.

    If `next` is not null, go on after it, even if the page is empty.
    """
    grant = grant_of(request)
    query = parse_query(request.GET, DeadLettersQuery)
    projection, after = optional(query.projection), optional(query.after)
    fits = Where(q=query.q).fits(timezone.now())
    selection = Selection(
        grant.stream_prefix,
        optional(query.subscription),
        optional(query.fault),
        UNDONE if isinstance(query.state, UnsetType) else (query.state,),
        fits.query,
        terms=fits.terms,
    )
    after_id = None if after is None else parse_id(after, "after")
    page = await _work(undone(grant.log_id, selection, projection=projection, after=after_id, limit=query.limit))
    next_id = None if page.next is None else str(page.next)
    return json_answer(DeadLettersOut([dead_letter_out(row) for row in page.rows], next_id))


# Before the address of a letter, which may be any text.
@router.post(
    "/dead-letters/decide",
    auth=_supervise,
    summary="Decide about dead letters",
    openapi_extra=operation(
        takes={"application/json": DecideIn}, gives={200: DecisionsOut, 202: JobOut}, refuses=_REFUSALS
    ),
)
async def decide(request: HttpRequest) -> HttpResponse:
    """Retry, skip or escalate some letters, or all that have something in common.

    Many letters, a canary, and a limit for failures are the work of a job (202): its `result` says what it has done so
    far.
    """
    grant = grant_of(request)
    body = decode_json(request.body, DecideIn)
    target = _target(grant, body)
    decision = Decision(body.decision, await author_of(grant), optional(body.to), optional(body.note))
    order = Order(target, decision, body.canary, optional(body.stop_after)).checked()
    outcome = await _work(carry_out(grant.log_id, order, asker=grant.asker))
    if isinstance(outcome, Job):
        return job_answer(outcome)
    current = engine.current()
    current.subscriptions.wake(grant.log_id)
    await current.announcer.announce()
    return json_answer(DecisionsOut([decided_out(each) for each in outcome]))


@router.get(
    "/dead-letters/{name:dead_letter}",
    auth=_see,
    summary="Look up a dead letter",
    openapi_extra=read_operation(DeadLetterDetailOut, LogQuery),
)
async def look_up_dead_letter(request: HttpRequest, dead_letter: str) -> HttpResponse:
    """Return a dead letter with every attempt, its event, and the state before it.

    The event and the state need the scope `read`; without it they are null.
    """
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    row, attempts, event = await _work(_letter(grant, dead_letter))
    if not grant.allows(Scope.READ):
        return json_answer(detail_out(row, attempts, None, None))
    return json_answer(detail_out(row, attempts, event, await _work(state_out(grant, row, event))))


def _target(grant: Grant, body: DecideIn) -> Target:
    ids, where = optional(body.ids), optional(body.where)
    if (ids is None) is (where is None):
        raise Invalid("body must have exactly one of ids and where.", field="body")
    if where is not None:
        selects_some = where != WhereIn(all=where.all)
        if where.all == selects_some:
            raise Invalid("where must have a member that selects letters, or all: true and no other.", field="where")
        terms = Where(
            optional(where.subscription),
            optional(where.projection),
            optional(where.fault),
            optional(where.state),
            where.q,
        )
        return Target(where=terms, stream_prefix=grant.stream_prefix)
    assert ids is not None
    if not ids:
        raise Invalid("ids must hold at least one.", field="ids")
    if len(ids) > MAX_IDS:
        raise TooLarge(f"ids must hold 1 to {MAX_IDS:,}.", field="ids", limit=MAX_IDS)
    letters = [parse_id(text, f"ids[{index}]") for index, text in enumerate(ids)]
    return Target.of_ids(letters, stream_prefix=grant.stream_prefix)


def _letter(grant: Grant, text: str) -> DbWork[tuple[Letter | Parked, list[Attempt], Event]]:
    """Return a letter that the token may see, its attempts and its event.

    Raises:
        NotFound: there is no such letter.
    """
    try:
        id = parse_id(text)
    except Invalid:
        raise NotFound(f"There is no dead letter {text}.") from None
    prefix = grant.stream_prefix
    rows: list[Letter | Parked] = yield (
        reads.letter(grant.log_id, id, stream_prefix=prefix)
        if isinstance(id, LetterId)
        else parked_key(grant.log_id, id, stream_prefix=prefix)
    )
    if not rows:
        raise NotFound(f"There is no dead letter {text}.")
    [row] = rows
    attempts = (yield reads.attempts(grant.log_id, row)) if isinstance(row, Letter) else []
    [event] = yield store.event(grant.log_id, row.position)
    return row, attempts, event


async def _work(work: DbWork[T]) -> T:
    return await run_async(work, engine.current().pool)
