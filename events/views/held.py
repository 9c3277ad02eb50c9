"""The number of held spans, which are no events yet, on pages; an open timeline asks for it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events.models import Log, Member
from events.otel import reads
from events.otel.runs import STREAM_PREFIX
from events.views.page import log_page, show
from events.views.subscriptions.listing import SEEN
from events.views.subscriptions.shared_read import SharedRead

_reads: SharedRead[Sequence[reads.Held]] = SharedRead()


@dataclass(frozen=True, slots=True)
class HeldAmount:
    """The held spans and log records of a run or a log, and the whole seconds until all of them are mapped."""

    spans: int
    records: int
    seconds: int


def held_of(log: Log, kind: str, name: str) -> HeldAmount | None:
    """Return what is held of the run in a stream or a workflow (`kind`); None if nothing is. One query at most."""
    if kind == "workflow":
        return _amount(reads.held_of_workflow(log.pk, name).fetch())
    if kind == "stream" and name.startswith(STREAM_PREFIX):
        return _amount(reads.held_of_stream(log.pk, name).fetch())
    return None


def held_in(log: Log) -> HeldAmount | None:
    """Return what is held in a log, also of runs that have no event yet; None if nothing is. One query."""
    return _amount(reads.held_in_log(log.pk).fetch())


@never_cache
@require_safe
@log_page()
def held(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/held`: what is held in the log. An open page asks with `X-Seen`, for news only."""
    amount = _amount(_reads.get(member.log_id, lambda: reads.held_in_log(member.log_id).fetch()))
    if request.headers.get(SEEN) == held_seen(amount):
        return HttpResponse(status=204)
    return show(request, member, template="events/_held.html", context={"held": amount})


def held_seen(held: HeldAmount | None) -> str:
    """Return a short text that is another one when pages say something else."""
    return f"{held.spans} spans, {held.records} records" if held else "nothing"


def _amount(held: Sequence[reads.Held]) -> HeldAmount | None:
    if not held:
        return None
    return HeldAmount(
        spans=sum(trace.spans for trace in held),
        records=sum(trace.records for trace in held),
        seconds=round(max(trace.seconds for trace in held)),
    )
