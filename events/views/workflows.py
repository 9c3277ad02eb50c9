"""The list of workflows, and the page of one workflow with its lanes and its tree of causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.converters import names_string, workflow_url
from events.errors import NoSuchWorkflow
from events.lists import reads as lists
from events.models import Member
from events.pauses.refusals import refused_by
from events.pauses.runaways import Runaway, act_of, runaways
from events.pauses.target import Target
from events.query.orm import where
from events.query.tree import Name, Named, Pattern, Query, System, all_of
from events.reading import scan, store
from events.system_streams import is_system
from events.types import Event, WorkflowInfo
from events.views.event_line import EventLine, line
from events.views.forms import WorkflowForm, WorkflowsForm
from events.views.page import ROOM_BYTES, log_page, show
from events.views.pauses import pauses_by_target
from events.views.swimlanes import Lanes, clock, draw_lanes
from events.views.workflow_tree import Branch, causes, forest

ROWS = 100
PART_EVENTS = 125
"""Events of a part; the first page has two parts, the first events and the last ones. One event takes 0.2 ms."""
_MAX_DEPTH = 12  # as far as the stylesheet has steps


@dataclass(frozen=True, slots=True)
class WorkflowPart:
    """A range of events, and the number of events that are left out after it."""

    events: list[Event]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One event of the list.

    Its cause is `after` if it is among the rows, else `outside` (a position) or `dangling`.
    """

    line: EventLine
    depth: int
    since_start: timedelta | None
    since_cause: timedelta | None
    after: int | None
    outside: int | None
    dangling: str | None


@require_safe
@log_page()
def workflows(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/workflows/`: by last event. `?id=` leads to the one with that id."""
    form = WorkflowsForm(request.GET)
    fields = form.cleaned_data if form.is_valid() else {"id": "", "before": None}
    if fields["id"]:
        url = workflow_url(member.log.name, fields["id"])
        return redirect(url) if "?" not in url else _workflow(request, member, fields["id"])
    infos = lists.latest_workflows(member.log_id, before=fields["before"], limit=ROWS + 1).fetch()
    context = {
        "here": "workflows",
        "form": form,
        "workflows": infos[:ROWS],
        "has_more": len(infos) > ROWS,
        "before": fields["before"],
        "behind": lists.behind(member.log_id).first(),
    }
    return show(
        request,
        member,
        template="events/workflows.html",
        partial="events/_workflows.html",
        context=context,
        status=200 if form.is_valid() else 400,
    )


@require_safe
@log_page()
def workflow(request: HttpRequest, member: Member, id: str) -> HttpResponse:
    """`/logs/<log>/workflows/<id>/`: its events, below their causes or (`?order=log`) in order."""
    return _workflow(request, member, id)


def _workflow(request: HttpRequest, member: Member, id: str) -> HttpResponse:
    info = lists.workflow(member.log_id, id).first()
    if info is None:
        return _system_events_alone(member, id)
    form = WorkflowForm(request.GET)
    fields = form.cleaned_data if form.is_valid() else {"order": "", "before": None, "after": None}
    parts = _read(member.log_id, info, before=fields["before"], after=fields["after"])
    events = [event for part in parts for event in part.events]
    lines = {event.position: line(event) for event in events}
    order = fields["order"] or "cause"
    pauses = pauses_by_target(member.log_id)
    context = {
        "here": "workflows",
        "workflow": info,
        "events": events,
        "order": order,
        "failures": sum(event_line.failed for event_line in lines.values()),
        "is_whole": sum(not is_system(event.stream) for event in events) >= info.events,
        "lanes": _drawn(parts, lines),
        "runaways": _runaways(parts),
        "budget": settings.EVENTSITE.runaway_workflow_events,
        "pauses": pauses,
        "pause": pauses.get(Target("workflow", id)),
        "refusals": refused_by(member.log_id) if pauses else {},
        "now": timezone.now(),
        "parts": _rows(member.log_id, parts, lines, by_cause=order == "cause"),
        **_ways_on(events, info),
    }
    status = 200 if form.is_valid() else 400
    return show(
        request,
        member,
        template="events/workflow.html",
        partial="events/_workflow.html",
        context=context,
        status=status,
    )


def _system_events_alone(member: Member, id: str) -> HttpResponse:
    """Lead to the timeline of a workflow that has no event but system events.

    Raises:
        NoSuchWorkflow: it has none of them either.
    """
    if store.events(member.log_id, Q(correlation_id=id), limit=1).first() is None:
        raise NoSuchWorkflow(f"There is no workflow {id!r}.")
    return redirect(reverse("timeline", args=[member.log.name]) + names_string(correlation=id))


def _read(log_id: int, info: WorkflowInfo, *, before: int | None, after: int | None) -> list[WorkflowPart]:
    """Read one part from a position on, in either direction; without a position, all events, or the first and last.

    Each part has the system events that lie between its events, too.
    """
    if after is not None:
        part = _part(log_id, info, after=after, limit=PART_EVENTS)
        return [WorkflowPart(_with_system_events(log_id, info, part, after=after))]
    if before is not None:
        part = _part(log_id, info, before=before, backward=True, limit=PART_EVENTS)
        return [WorkflowPart(_with_system_events(log_id, info, part, before=before))]
    is_short = info.events <= 2 * PART_EVENTS
    first = _part(log_id, info, limit=2 * PART_EVENTS if is_short else PART_EVENTS)
    if len(first) >= info.events or not first:
        return [WorkflowPart(_with_system_events(log_id, info, first))]
    last = _part(log_id, info, after=first[-1].position, backward=True, limit=PART_EVENTS)
    left_out = info.events - len(first) - len(last)
    parts = (_with_system_events(log_id, info, part) for part in (first, last))
    return [WorkflowPart(events, number) for events, number in zip(parts, (left_out, 0), strict=True)]


def _with_system_events(
    log_id: int, info: WorkflowInfo, part: list[Event], *, after: int | None = None, before: int | None = None
) -> list[Event]:
    """Return the events of a part and the system events among them, in order.

    The first part has those before it, too, and the last part those after it. `PART_EVENTS` of them are read at most:
    the others are on the timeline.
    """
    if part and after is None and part[0].position > info.first_position:
        after = part[0].position
    if part and before is None and part[-1].position < info.last_position:
        before = part[-1].position
    condition = where(all_of([_events_of(info), System(True)]))
    system_events = store.events(log_id, condition, after=after, before=before, limit=PART_EVENTS).fetch()
    return sorted([*part, *system_events], key=attrgetter("position"))


def _events_of(info: WorkflowInfo) -> Query:
    return Named(Name.CORRELATION, Pattern((info.correlation_id,)))


def _part(
    log_id: int,
    info: WorkflowInfo,
    *,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
    limit: int,
) -> list[Event]:
    """Return the next events of a workflow in a direction, oldest first: fewer than `limit` where they are large.

    System events are left out, as they are not counted.
    """
    query = all_of([_events_of(info), System(False)])
    after = max(after or 0, info.first_position - 1)
    while True:
        part = scan.search_events(
            log_id,
            query,
            after=after,
            before=before,
            backward=backward,
            limit=limit,
            room=ROOM_BYTES,
            head=info.last_position,
        ).fetch()
        if part.events or part.at_end:
            return list(part.events[::-1] if backward else part.events)
        # Large events take their time: the search has looked at a part of the log, and none of them was there.
        after, before = (after, part.searched_to) if backward else (part.searched_to, before)


def _runaways(parts: Sequence[WorkflowPart]) -> list[Runaway]:
    """Return the runaways within each part. What the server itself appends again and again is none."""
    acts = [[act_of(event) for event in part.events if not is_system(event.stream)] for part in parts]
    return [runaway for of_part in acts for runaway in runaways(of_part, settings.EVENTSITE)]


def _drawn(parts: Sequence[WorkflowPart], lines: dict[int, EventLine]) -> Lanes:
    first = parts[0]
    last_position = first.events[-1].position if first.left_out else None
    return draw_lanes(list(lines.values()), left_out_after=last_position, left_out=first.left_out)


def _rows(
    log_id: int, parts: Sequence[WorkflowPart], lines: dict[int, EventLine], *, by_cause: bool
) -> list[tuple[WorkflowPart, list[WorkflowRow]]]:
    events = [line.event for line in lines.values()]
    cause_of, at = causes(events), clock(events)
    if 2 * len(set(at.values())) <= len(at) and not any(event.occurred_at for event in events):
        at = {}  # an imported run without a clock: it was recorded in bulk
    start = min(at.values(), default=None)
    missing = {e.causation_id for e in events if e.causation_id and e.position not in cause_of}
    outside = dict(store.positions_of(log_id, missing).fetch()) if missing else {}

    def row(branch: Branch) -> WorkflowRow:
        event, cause = branch.event, cause_of.get(branch.event.position)
        now, then = at.get(event.position), at.get(cause.position) if cause else None
        position = None if cause else outside.get(event.causation_id or "")
        return WorkflowRow(
            line=lines[event.position],
            depth=min(branch.depth, _MAX_DEPTH),
            since_start=now - start if now and start else None,
            since_cause=now - then if now and then else None,
            after=cause.position if cause else None,
            outside=position,
            dangling=event.causation_id if cause is None and position is None else None,
        )

    return [
        (part, list(map(row, forest(part.events) if by_cause else (Branch(e, 0, None) for e in part.events))))
        for part in parts
    ]


def _ways_on(events: Sequence[Event], info: WorkflowInfo) -> dict[str, int | None]:
    """Return the positions from which the pages before and after these events read."""
    if not events:
        return {"older": None, "newer": None}
    first, last = events[0].position, events[-1].position
    return {
        "older": first if first > info.first_position else None,
        "newer": last if last < info.last_position else None,
    }
