"""The API of replays: the steps of a source, the history of a value, and seeks. It only reads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import UnsetType
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.decoding import optional, parse_query
from events.api.openapi import read_operation
from events.api.responses import json_answer
from events.errors import Invalid, NotFound
from events.models import Scope
from events.reading.db_work import DbWork, run_async
from projections import registry
from projections.api.descriptions import IF_NONE_MATCH, fold_operation
from projections.api.responses import check_whole_log, job_answer, result_of, with_etag
from projections.catalog.latest import latest
from projections.jobs.fold import ensure_source
from projections.models import Job
from projections.replay.api.responses import seek_out, step_out, steps_out, why_out
from projections.replay.api.schemas import (
    PlaceQuery,
    ReplayQuery,
    SeekOut,
    SeekQuery,
    StepOut,
    StepQuery,
    StepsOut,
    StepsQuery,
    WhyOut,
    WhyQuery,
)
from projections.replay.copies.step_case import MEDIA_TYPE, step_case
from projections.replay.default import default_projection
from projections.replay.seek import job as seeking
from projections.replay.seek.condition import ConditionFailed, Seek, SeekResult, Watch, watch_before
from projections.replay.seek.search import seek as search
from projections.replay.step import place_of_number, step_at, steps_after
from projections.replay.why import why
from projections.replay.window import Window, window_at
from projections.states.fold import Fold, TooFar
from projections.states.moment import head_of
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import source_of

router = Router(tags=["replays"])

_read = Bearer(Scope.READ)


@router.get(
    "/replays/{kind}",
    auth=_read,
    summary="List the steps of a replay",
    openapi_extra=read_operation(StepsOut, StepsQuery, also={304: None}, headers=[IF_NONE_MATCH]),
)
async def list_steps(request: HttpRequest, kind: str) -> HttpResponse:
    """The steps of a replay: the events of its source, with the number of changes of each.

    The events come at once. If that number takes a long fold, it is null, and `job` is the job that folds.
    """
    query = parse_query(request.GET, StepsQuery)
    grant = grant_of(request)
    fold = await _visible_fold(grant, kind, query)
    result = await result_of(steps_after(fold, after=query.after, limit=query.limit))
    job = await _job_of(grant, fold, result.too_far) if result.too_far else None
    return with_etag(request, json_answer(steps_out(fold, result, job=job)))


@router.get(
    "/replays/{kind}/step",
    auth=_read,
    summary="Look at one step",
    openapi_extra=fold_operation(StepOut, StepQuery, text=MEDIA_TYPE),
)
async def look_up_step(request: HttpRequest, kind: str) -> HttpResponse:
    """A step: its event, the state after it, and the changes to the state (operations of RFC 6902, with old values).

    With `format=pytest` it is the source of a test, with the events and the expected state after them.
    """
    query = parse_query(request.GET, StepQuery)
    grant = grant_of(request)
    fold = await _visible_fold(grant, kind, query)
    try:
        if query.format == "pytest":
            source = await result_of(_test_source(fold, query, log_name=grant.log))
            return with_etag(request, HttpResponse(source, content_type=f"{MEDIA_TYPE}; charset=utf-8"))
        body = await result_of(_step_body(fold, query))
    except TooFar as too_far:
        return job_answer(await _job_of(grant, fold, too_far))
    return with_etag(request, json_answer(body))


@router.get(
    "/replays/{kind}/why",
    auth=_read,
    summary="Read the history of a value",
    openapi_extra=fold_operation(WhyOut, WhyQuery),
)
async def ask_why(request: HttpRequest, kind: str) -> HttpResponse:
    """The steps that changed the value at a pointer, newest first, and the next step that changes it."""
    query = parse_query(request.GET, WhyQuery)
    grant = grant_of(request)
    fold = await _visible_fold(grant, kind, query)
    try:
        body = await result_of(_why_body(fold, query))
    except TooFar as too_far:
        return job_answer(await _job_of(grant, fold, too_far))
    return with_etag(request, json_answer(body))


@router.get(
    "/replays/{kind}/seek",
    auth=_read,
    summary="Seek a step",
    openapi_extra=fold_operation(SeekOut, SeekQuery),
)
async def seek_step(request: HttpRequest, kind: str) -> HttpResponse:
    """The next, or the previous, step that fits a condition on event, state or changes, or that changes a value.

    If the search takes long, the answer is a 202 with the job that goes on with it; its `result` is the answer.
    """
    query = parse_query(request.GET, SeekQuery)
    grant = grant_of(request)
    fold = await _visible_fold(grant, kind, query)
    target, result = await result_of(_seek_result(fold, query))
    if result.rest:
        return job_answer(await result_of(seeking.ensure_seek(fold.log_id, target, asker=grant.asker)))
    return with_etag(request, json_answer(seek_out(fold, result)))


async def _visible_fold(grant: Grant, kind: str, query: ReplayQuery) -> Fold:
    """Return the fold of the source that is replayed. A token with a prefix sees only the streams of that prefix."""
    source = query.source(kind, timezone.now().replace(microsecond=0))
    chosen = None if isinstance(query.by, UnsetType) else registry.get(query.by)
    if isinstance(source, ScannedSource):
        source = await result_of(source_of(grant.log_id, chosen or latest, source.name))
        if type(source) is ScannedSource:
            raise NotFound(f"There is no materialised state of {source.name!r} to replay.")
    if isinstance(source, StreamSource):
        grant.check_stream(source.name)
    else:
        check_whole_log(grant)
    if chosen is None:
        chosen = await result_of(default_projection(grant.log_id, source))
    return Fold(grant.log_id, chosen, source, await result_of(head_of(grant.log_id)))


async def _job_of(grant: Grant, fold: Fold, too_far: TooFar) -> Job:
    work = ensure_source(fold.log_id, fold.projection, too_far, asker=grant.asker)
    return await run_async(work, engine.current().pool)


def _step_body(fold: Fold, query: StepQuery) -> DbWork[StepOut]:
    place = yield from _place_of(fold, query)
    step = yield from step_at(fold, place)
    _check_step_number(query, step.n)
    return step_out(fold, step)


def _test_source(fold: Fold, query: StepQuery, *, log_name: str) -> DbWork[str]:
    return step_case((yield from _window_with_state(fold, query)), log_name=log_name)


def _why_body(fold: Fold, query: WhyQuery) -> DbWork[WhyOut]:
    window = yield from _window_with_state(fold, query)
    return why_out(fold, window, (yield from why(fold, window, query.pointer)))


def _window_with_state(fold: Fold, query: PlaceQuery) -> DbWork[Window]:
    """Return the window around the step that a query names.

    Raises:
        TooFar, ReducerFailed: the state of the step is not known.
        Invalid: there is no such step.
    """
    place = yield from _place_of(fold, query)
    window = yield from window_at(fold, place=place)
    if window.too_far:
        raise window.too_far
    if window.failure and not window.is_known:
        raise window.failure
    _check_step_number(query, window.step.n if window.step else 0)
    return window


def _seek_result(fold: Fold, query: SeekQuery) -> DbWork[tuple[Seek, SeekResult]]:
    end = yield from fold.source.last_place(fold.log_id, head=fold.head)
    is_backward = query.direction == "backward"
    place = optional(query.place)
    if place is None:
        place = end + 1 if is_backward else 0
    elif place > end:
        raise Invalid(f"The last place is {end:,}.", field="place", last=end)
    condition = query.condition(timezone.now().replace(microsecond=0))
    if isinstance(condition, Watch) and is_backward and 0 < place <= end:
        # The value at the pointer after the step may have been at another pointer before it.
        step = yield from step_at(fold, place)
        before = watch_before(condition.pointer, step.changes if step.place == place else ())
        if before is None:
            place = 0  # this step created the value
        condition = before or condition
    target = Seek(fold.projection, fold.source, condition, place, end, is_backward)
    try:
        return target, (yield from search(fold.log_id, target, head=fold.head))
    except ConditionFailed as failed:
        position = failed.event.position
        raise Invalid(
            f"At position {position:,} the condition raised {failed}", field="to", position=position
        ) from None


def _place_of(fold: Fold, query: PlaceQuery) -> DbWork[int]:
    """Return the place that a query names. Raises `Invalid` for one after the end of the source."""
    place, n = optional(query.place), optional(query.n)
    if place is not None and n is not None:
        raise Invalid("n can't be combined with place.", field="n")
    last = yield from fold.source.last_place(fold.log_id, head=fold.head)
    if n is not None:
        return min(last, (yield from place_of_number(fold, n)))
    if place is not None and place > last:
        raise Invalid(f"The last place is {last:,}.", field="place", last=last)
    return last if place is None else place


def _check_step_number(query: PlaceQuery, n: int | None) -> None:
    requested_n = optional(query.n)
    if requested_n is not None and n != requested_n:
        raise Invalid(f"There is no step {requested_n:,}: the last is {n:,}.", field="n", last=n)
