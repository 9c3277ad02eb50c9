"""OTLP over HTTP: what exporters of OpenTelemetry send to `/v1/traces`, `/v1/logs` and `/v1/metrics`.

An export is answered 200 when it is committed. Exporters try again after 429, 502, 503 and 504, so an export that can
never be taken gets another status. Most exporters wait ten seconds for an answer, so each gets one before that.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.access.standing import TokenAccess
from events.access.tokens import PREFIX, hash_of
from events.api.otlp_answers import JSON, PROTOBUF, is_json, taken_answer
from events.errors import EventsError, Forbidden, TooManyRequests, Unavailable, UnsupportedMediaType
from events.models import Scope
from events.otel.exporters import Exporters
from events.otel.holding import Holding
from events.otel.intake import Signal, division_of, inflated
from events.otel.runs import STREAM_PREFIX
from events.otel.wire import Division
from events.reading.turns import Turns

Done = TypeVar("Done")
router = Router()

_TOKEN_SECONDS = 2.5
"""The time in which the token of an export is found, or the export is refused."""
_EXPORT_SECONDS = 6.0
"""The time in which an export is held, or refused."""
_ENCODINGS = {"": False, "identity": False, "gzip": True}
_QUICK_BYTES = 32 * 1024
"""Protobuf of this size is decoded and divided at once. More is done in a thread."""
_QUICK_OTHER_BYTES = 4 * 1024
"""The same for JSON, and for gzip, which may become a thousand times as long."""
_MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Of the bodies of one token that wait in this process or are worked at, apart from the first."""
_SWITCH_SECONDS = 0.0005
"""The time for which a thread of Python keeps the interpreter: a tenth of Python's own value."""
_TOKEN = re.compile(rf"{PREFIX}[\w-]+", re.ASCII)
"""A token, wherever it stands: some exporters send `Bearer%20` as it is, or quotation marks."""

exporters = Exporters()
_holding = Holding()
_turns = Turns(places=4, places_per_lane=2, waiting_per_lane=256, patience_seconds=5)
_turns_of_large = Turns(places=1, places_per_lane=1, waiting_per_lane=256, patience_seconds=5)
"""Large exports are read one at a time: two threads of Python would take most of the process, and twice the memory."""
_waiting_bytes: Counter[str] = Counter()
_late: set[asyncio.Task[Division]] = set()
"""The work for exports that were refused as it took too long."""


class _AnyToken(Bearer):
    """Finds a token in a bounded time. The scope is looked at later, so that a refusal for it is counted."""

    async def __call__(self, request: HttpRequest) -> Grant:
        try:
            async with asyncio.timeout(_TOKEN_SECONDS):
                return await super().__call__(request)
        except TimeoutError:
            raise Unavailable("The database did not answer in time.") from None


_any_token = _AnyToken(*Scope)


@router.post("/traces", auth=_any_token)
async def take_spans(request: HttpRequest) -> HttpResponse:
    """Hold the spans of an export."""
    return await _take(request, Signal.TRACES)


@router.post("/logs", auth=_any_token)
async def take_records(request: HttpRequest) -> HttpResponse:
    """Hold the log records of an export that are about a model's messages; the others are dropped."""
    return await _take(request, Signal.LOGS)


@router.post("/metrics", auth=_any_token)
async def drop_metrics(request: HttpRequest) -> HttpResponse:
    """Count an export of metrics, and drop it."""
    return await _take(request, Signal.METRICS)


async def _take(request: HttpRequest, signal: Signal) -> HttpResponse:
    grant = grant_of(request)
    check_exporter(grant)
    is_gzip = _is_gzip(request)
    _check_media(request)
    division = await _in_time(_held(grant, signal, request.body, is_json=is_json(request), is_gzip=is_gzip))
    counts = _counts(signal, division) | {"bytes": len(request.body), "compressed": int(is_gzip)}
    exporters.taken(grant.log_id, _token_id(grant), user_agent_of(request), **counts)
    return taken_answer(signal, division.refused, is_json=is_json(request))


async def _in_time(work: Coroutine[Any, Any, Division]) -> Division:
    """Return what some work returns.

    Raises:
        Unavailable: the work took too long. It is cancelled; a thread goes on, and keeps its place until it has ended.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=_EXPORT_SECONDS)
        if task.done():
            return task.result()
        raise Unavailable("The export was not held in time.")
    finally:
        if task.cancel():
            _late.add(task)
            task.add_done_callback(_late.discard)


async def _held(grant: Grant, signal: Signal, body: bytes, *, is_json: bool, is_gzip: bool) -> Division:
    """Hold an export, and return what it holds."""
    pool, log_id = engine.current().pool, grant.log_id
    with _waiting(grant.asker, len(body)):
        async with _turns.turn(grant.asker):
            if signal is not Signal.METRICS:
                await _holding.check_room(pool, log_id, len(body))
            division = await _division(grant.asker, signal, body, is_json=is_json, is_gzip=is_gzip)
        await _holding.hold(pool, log_id, _token_id(grant), division, are_records=signal is Signal.LOGS)
        return division


def check_exporter(grant: Grant) -> None:
    """Check that a token may send whatever its spans say.

    The agents and the stream of a run are known when it is mapped, long after the answer: what a token may not append
    would be lost then, without a word to the exporter.

    Raises:
        Forbidden: the token has not the scope, is for one agent, or for other streams.
    """
    grant.check_scope(Scope.APPEND)
    if grant.agent is not None:
        raise Forbidden(
            f"This token appends as {grant.agent!r} only, but spans name their agents themselves:"
            " send them with a token that is for no agent."
        )
    if not STREAM_PREFIX.startswith(grant.stream_prefix):
        raise Forbidden(
            f"This token reaches streams that begin with {grant.stream_prefix!r} only,"
            f" but the streams of runs begin with {STREAM_PREFIX!r}."
        )


def note_refusal(request: HttpRequest, error: EventsError) -> None:
    """Count a refusal for the token of a request, if it has one."""
    grant = getattr(request, "auth", None)
    if isinstance(grant, Grant):
        exporters.refused(grant.log_id, _token_id(grant), user_agent_of(request), error)
    elif found := _TOKEN.search(request.META.get("HTTP_AUTHORIZATION", "")):
        exporters.unauthorized(hash_of(found[0]), user_agent_of(request), error)


def user_agent_of(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_USER_AGENT", ""))


def _token_id(grant: Grant) -> int:
    assert isinstance(grant.access, TokenAccess), "a POST has a token"
    return grant.access.token_id


def _check_media(request: HttpRequest) -> None:
    if request.content_type not in (PROTOBUF, JSON):
        raise UnsupportedMediaType(
            f"An export is {PROTOBUF} or {JSON}, not {request.content_type!r}:"
            " set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf."
        )


def _is_gzip(request: HttpRequest) -> bool:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise UnsupportedMediaType(f"The encoding of an export is gzip, or none; this is {encoding!r}.")
    return _ENCODINGS[encoding]


@contextmanager
def _waiting(asker: str, size: int) -> Iterator[None]:
    """Count the body of a token's export while it waits or is worked at.

    Raises:
        TooManyRequests: more than that waits already.
    """
    if _waiting_bytes[asker] and _waiting_bytes[asker] + size > _MOST_WAITING_BYTES:
        raise TooManyRequests
    _waiting_bytes[asker] += size
    try:
        yield
    finally:
        _waiting_bytes[asker] -= size
        if not _waiting_bytes[asker]:
            del _waiting_bytes[asker]


async def _division(asker: str, signal: Signal, body: bytes, *, is_json: bool, is_gzip: bool) -> Division:
    """Return what an export holds. A large one is read in a thread, so that the event loop is free for others."""
    if is_gzip and signal is not Signal.METRICS:
        inflate = partial(inflated, body, most_bytes=settings.EVENTSITE.request_max_bytes)
        body = inflate() if len(body) <= _QUICK_OTHER_BYTES else await _in_thread(inflate)
    work = partial(division_of, signal, body, is_json=is_json)
    is_quick = len(body) <= (_QUICK_OTHER_BYTES if is_json else _QUICK_BYTES)
    if is_quick or signal is Signal.METRICS:
        return work()
    async with _turns_of_large.turn(asker):
        with _short_switches():
            return await _in_thread(work)


async def _in_thread(work: Callable[[], Done]) -> Done:
    """Return what some work in a thread returns. A task that is cancelled ends when the thread has ended."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.gather(thread, return_exceptions=True)
        raise


@contextmanager
def _short_switches() -> Iterator[None]:
    """Let the event loop wait less for a thread that computes in Python: it waits at each step of an append."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _counts(signal: Signal, division: Division) -> dict[str, int]:
    """Return what an export adds to the counts of its token."""
    if signal is Signal.METRICS:
        return {"dropped_metrics": 1}
    total = sum(piece.count for piece in division.pieces)
    if signal is Signal.LOGS:
        return {"records": total, "dropped_records": division.dropped}
    return {"spans": total, "refused_spans": division.refused}
