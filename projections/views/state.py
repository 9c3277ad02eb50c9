"""The page of one state at any moment: its values with their setters, a difference, the history of a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from events.api.responses import iso
from events.digits import whole_number
from events.errors import Invalid
from events.json.tree import LastSetter, RowUrls, TreeRow, tree_rows
from events.json.value import brief, shortened
from events.models import Member
from events.reading import store
from events.reading.causes import Chain, causes_of
from events.reading.db_work import Asking, run
from events.types import Event, StreamInfo
from events.views.event import whole_text
from events.views.page import log_page, show
from projections import registry
from projections.definition.fold import ReducerFailed
from projections.definition.projection import STREAM, Projection
from projections.materialise import checkpoints
from projections.models import Parked
from projections.states import current, value_history
from projections.states.at_moment import State, difference
from projections.states.fold import TooFar
from projections.states.moment import NOW, Moment
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import source_under
from projections.states.value_history import Way
from projections.values.change import Change, Json
from projections.values.exact_json import NotAState
from projections.values.tree_marks import tree_marks
from projections.views.causes import Because
from projections.views.forms import StateForm, StateRequest
from projections.views.other_formats import api_url, format_of, state_md
from projections.views.pending_job import computed

_MAX_TOUCHES = 100
_MAX_CHARACTERS = 200


_NOTHING: dict[str, Any] = {
    "job": None, "failed": None, "no_state": "", "last": 0, "at": 0, "state": None, "event": None, "following": None,
    "before": None, "after": None, "value_of": None, "value": None, "touched": None, "parked": None,
}  # fmt: skip
"""What a page does not show of a state, unless it does."""


@dataclass(frozen=True, slots=True)
class Touched:
    """One event of a value's history, and what it changed there, as texts."""

    event: Event
    changes: list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class FailedFold:
    """The event at which a reducer raised, with the state before it."""

    event: Event
    error: str
    state: list[TreeRow]
    traceback: str


@require_safe
@log_page()
def state(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/state?key=…`, now or at one of `at_version`, `at_position`, `at_time`.

    `from`, `to`: the difference between two positions. `value`: the history of what stands at a pointer. `text`: one
    long text whole. `?format=` as `other_formats.py` describes.
    """
    projection = registry.get(name)
    form = StateForm(request.GET)
    context = _frame(request, projection)
    kind = format_of(request)
    problems = [problem for field_problems in form.errors.values() for problem in field_problems]
    if not problems:
        state_request = form.state_request
        if kind == "json":
            return _json(member, projection, state_request)
        if _has_seen(request, member, projection, state_request):
            return HttpResponse(status=204)
        try:
            context |= _shown(request, member, projection, state_request)
        except Invalid as error:
            problems = [error.detail]
    if kind == "md":
        return state_md(request, member, name, context | {"problems": problems})
    pointer = request.GET.get("text")
    if pointer is not None and request.headers.get("HX-Request") and (context["state"] or context["after"]):
        row = whole_text(context["value_of"], pointer)
        return render(request, "components/_text.html", {"row": row, "links": RowUrls()})
    return show(
        request,
        member,
        template="projections/state.html",
        partial="projections/_state.html",
        context=context | {"problems": problems, "state_url": request.path},
        status=400 if problems else 200,
    )


def _frame(request: HttpRequest, projection: Projection) -> dict[str, Any]:
    """The context of a page that shows no state yet."""
    return {
        "here": "projections",
        "projection": projection,
        "key": request.GET.get("key", ""),
        "is_update": "X-Seen" in request.headers,
        "by_stream": projection.key is STREAM,
        **_NOTHING,
    }


def _json(member: Member, projection: Projection, state_request: StateRequest) -> HttpResponse:
    if state_request.one is not None:
        to = member.log.head if state_request.other is None else state_request.other
        sides = {"from_position": state_request.one, "to_position": to}
        return redirect(api_url(member, f"/{projection.name}/diff", key=state_request.key, **sides))
    at = {"at_version": state_request.at.version, "at_position": state_request.at.position}
    time = iso(state_request.at.time) if state_request.at.time else None
    return redirect(api_url(member, f"/{projection.name}/state", key=state_request.key, at_time=time, **at))


def _has_seen(request: HttpRequest, member: Member, projection: Projection, state_request: StateRequest) -> bool:
    """Whether a page that follows the present has it already. It asks every two seconds: this is all it costs.

    `X-Seen` is where the last event of its state stands, and the log's head when it was drawn. Where an event was
    redacted since then the state may be another, with the same last event.
    """
    position, head = map(whole_number, request.headers.get("X-Seen", "").partition(" ")[::2])
    if state_request.at != NOW or position is None or head is None:
        return False
    if store.redacted(member.log_id, after=head, upto=member.log.head).first():
        return False
    try:
        return run(_is_last(member, projection, state_request.key, position))
    except (TooFar, ReducerFailed, NotAState):
        return False


def _is_last(member: Member, projection: Projection, key: str, position: int) -> Asking[bool]:
    """Whether a state as it is now is as far as the log, and its last event stands at a position."""
    source = source_under(projection, key)
    if not projection.materialised and not isinstance(source, ScannedSource):
        if isinstance(source, StreamSource):
            stream: list[StreamInfo] = yield store.stream(member.log_id, key)
            is_last = bool(stream) and stream[0].last_position == position
        else:
            is_last = not (yield source.read(member.log_id, after=position, upto=member.log.head, limit=1))
        if is_last:
            return True
    state = yield from current.state(member.log_id, projection, key)
    return state.position == position and state.stale is None


def _shown(request: HttpRequest, member: Member, projection: Projection, state_request: StateRequest) -> dict[str, Any]:
    """Return the context of the page; a long fold as its job, a reducer that raised with its event."""
    log_id, pointer = member.log_id, request.GET.get("text")
    context = {
        "asked": state_request,
        "is_now": state_request.at == NOW and state_request.one is None,
        **_around(member, projection, state_request),
    }
    try:
        if state_request.one is not None:
            return context | _compared(log_id, projection, state_request, whole=pointer)
        page = request.GET.copy()
        return context | _at(member, projection, state_request, last=context["last"], whole=pointer, page=page)
    except TooFar as too_far:
        at = NOW if context["is_now"] and state_request.before is None else Moment(position=too_far.upto)
        return context | {"job": computed(request, member, projection, state_request.key, at=at, too_far=too_far)}
    except ReducerFailed as failed:
        return context | {"failed": FailedFold(failed.at.event, str(failed), tree_rows(failed.state), failed.trace)}
    except NotAState as error:
        return context | {"no_state": str(error)}


def _around(member: Member, projection: Projection, state_request: StateRequest) -> dict[str, Any]:
    """How far the slider goes, and at what it stands."""
    if projection.key is not STREAM:
        last = member.log.head
    else:
        info = store.stream(member.log_id, state_request.key).first()
        last = info.version if info else 0
    asked_for = state_request.at.version if projection.key is STREAM else state_request.at.position
    return {"last": last, "at": last if asked_for is None else asked_for}


def _compared(log_id: int, projection: Projection, state_request: StateRequest, *, whole: str | None) -> dict[str, Any]:
    second_moment = NOW if state_request.other is None else Moment(position=state_request.other)
    first_moment = Moment(position=state_request.one)
    before, after, changes = run(
        difference(log_id, projection, state_request.key, one=first_moment, other=second_moment)
    )
    return {
        "before": before,
        "after": after,
        "changes": changes,
        "changed": {op: sum(each.op == op for each in changes) for op in ("add", "replace", "remove", "move")},
        "value_of": after.value,
        "rows": tree_rows(after.value, marks=tree_marks(changes), whole=whole),
    }


def _at(
    member: Member, projection: Projection, state_request: StateRequest, *, last: int, whole: str | None, page: Any
) -> dict[str, Any]:
    log_id = member.log_id
    shown: State = run(current.state(log_id, projection, state_request.key, at=state_request.at))
    try:
        # Of a kept state the way may be long: then its values are shown without who set them, until that is asked.
        way = run(value_history.way_to(log_id, projection, state_request.key, at=Moment(position=shown.position)))
    except (TooFar, ReducerFailed):
        if state_request.value is not None or not projection.materialised:
            raise
        way = None
    page.pop("before", None)
    changes = way.changes[0] if way and way.changes else ()
    rows = tree_rows(shown.value, marks=tree_marks(changes), whole=whole)
    event = store.event(log_id, shown.position).first()
    context = {
        "state": shown,
        "event": event,
        "value_of": shown.value,
        "all_of_it": _with(page, value=""),
        "rows": _blamed(rows, way, member.log.name, lambda pointer: _with(page, value=pointer)),
        "following": run(_following(log_id, projection, state_request.key, shown, head=member.log.head)),
        "parked": _parked(log_id, projection, state_request.key),
    }
    stands_at = shown.version if projection.key is STREAM else shown.position
    # The log may have grown since the request came: the state does not lie beyond the slider's end.
    context["last"] = max(last, stands_at)
    if state_request.at.time is not None or (projection.key is STREAM and state_request.at.version is None):
        context["at"] = stands_at
    elif state_request.at == NOW:
        context["at"] = shown.stale.position if shown.stale else context["last"]
    if state_request.value is not None:
        context |= _history_of(log_id, projection, state_request)
    return context


def _with(page: Any, *, value: str) -> str:
    query = page.copy()
    query["value"] = value
    return f"?{query.urlencode()}"


def _blamed(rows: list[TreeRow], way: Way | None, log_name: str, history_of: Callable[[str], str]) -> list[TreeRow]:
    """The rows, each with who set its value; unfolded, as the values that did not change are wanted here."""
    pointers = [row.pointer for row in rows if row.shape in ("leaf", "text") and row.mark != "del"]
    setter_of = way.setters(pointers) if way else {}
    unset_position = (
        0 if way and not way.begins_at else None
    )  # what nobody set since the very first event stood there before it
    events_url = reverse("event", args=[log_name, 0]).removesuffix("0")

    def last_setter(row: TreeRow) -> LastSetter | None:
        if row.shape not in ("leaf", "text") or row.mark == "del":
            return None
        event = setter_of.get(row.pointer)
        if event is None:
            return LastSetter(history_of(row.pointer), unset_position)
        return LastSetter(
            history_of(row.pointer), event.position, f"{events_url}{event.position}", event.type, event.agent
        )

    return [replace(row, by=last_setter(row), unfolded=True) for row in rows]


def _following(
    log_id: int, projection: Projection, key: str, shown: State, *, head: int
) -> Asking[dict[str, int] | None]:
    """Return the query for the next event of the key; None: it is the last, or there is no index for it."""
    source = source_under(projection, key)
    if isinstance(source, ScannedSource) or not shown.position:
        return None
    events: list[Event] = yield source.read(log_id, after=source.place(shown), upto=head, limit=1)
    return {"at_position": events[0].position} if events else None


def _parked(log_id: int, projection: Projection, key: str) -> Parked | None:
    live = checkpoints.sound(log_id).filter(projection=projection.name, is_live=True).values("build")
    return Parked.objects.filter(log_id=log_id, projection=projection.name, build__in=live, key=key).first()


def _history_of(log_id: int, projection: Projection, state_request: StateRequest) -> dict[str, Any]:
    at = state_request.at if state_request.before is None else Moment(position=state_request.before)
    history = run(
        value_history.history(log_id, projection, state_request.key, pointer=state_request.value or "", at=at)
    )
    shown = history.touches[:_MAX_TOUCHES]
    rest = history.rest and {"value": history.rest.pointer, "before": history.rest.position}
    if len(history.touches) > _MAX_TOUCHES:
        _, touch = shown[-1]
        rest = {"value": touch.pointer, "before": touch.n - 1}
    touched = [Touched(event, [_change_text(each) for each in touch.changes[:5]]) for event, touch in shown]
    chain = run(causes_of(log_id, touched[0].event)) if touched and state_request.before is None else Chain(())
    because = [Because(event, f"#{event.position:,}", None) for event in chain.events]
    return {"value": state_request.value, "touched": touched, "rest": rest, "chain": chain, "because": because}


def _change_text(change: Change) -> tuple[str, str, str, str]:
    return change.op, change.path, _text(change.old), _text(change.value)


def _text(value: Json) -> str:
    return shortened(brief(value), _MAX_CHARACTERS)
