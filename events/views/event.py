"""One event: what it says, where it stands, what caused it and what it caused."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from events import store
from events.answers import event_json
from events.errors import NoSuchEvent
from events.json_pointer import at
from events.json_text import loads
from events.json_tree import Row, tree
from events.line import Line, line
from events.models import Member
from events.types import Event
from events.views.page import log_page, show

_EFFECTS = 20
_RAW_SHOWN = 4_000


@dataclass(frozen=True, slots=True)
class Around:
    """An event's neighbours: in its stream, and by cause. `effects` is cut after a few (`more_effects`)."""

    previous: Event | None
    next: Event | None
    cause: Line | None
    effects: tuple[Line, ...]
    more_effects: bool


@require_safe
@log_page()
def event(request: HttpRequest, member: Member, position: int) -> HttpResponse:
    """`/logs/<log>/events/<position>`; `?format=json` is the event alone, `?text=` shows one long text whole."""
    found = store.event(member.log_id, position).first()
    if found is None:
        raise NoSuchEvent(f"{member.log.name} has no event at position {position}.")
    if request.GET.get("format") == "json":
        return HttpResponse(event_json(found), content_type="application/json")
    pointer = request.GET.get("text")
    data = loads(found.data)
    if pointer is not None and request.headers.get("HX-Request"):
        return render(request, "components/_text.html", {"row": whole_text(data, pointer)})
    context = {
        "here": "timeline",
        "event": found,
        "line": line(found),
        "around": _around(member.log_id, found),
        "data": tree(data, whole=pointer),
        "metadata": tree(loads(found.metadata)),
        "raw": found.data[:_RAW_SHOWN],
        "raw_size": len(found.data.encode()),
        "raw_cut": len(found.data) > _RAW_SHOWN,
    }
    return show(request, member, template="events/event.html", context=context)


def whole_text(data: object, pointer: str) -> Row:
    """The long string at a pointer, all of it.

    Raises:
        NoSuchEvent: there is no string.
    """
    try:
        text = at(data, pointer)
    except LookupError as error:
        raise NoSuchEvent(f"There is nothing at {pointer!r}.") from error
    if not isinstance(text, str):
        raise NoSuchEvent(f"There is no text at {pointer!r}.")
    return Row("text", pointer=pointer, kind="s", text=text, length=len(text))


def _around(log_id: int, event: Event) -> Around:
    near = store.stream_events(log_id, event.stream, from_version=max(1, event.version - 1), limit=3).fetch()
    cause = store.event_by_id(log_id, event.causation_id).first() if event.causation_id else None
    effects = store.effects(log_id, event.id, limit=_EFFECTS + 1).fetch()
    return Around(
        previous=next((one for one in near if one.version < event.version), None),
        next=next((one for one in near if one.version > event.version), None),
        cause=line(cause) if cause else None,
        effects=tuple(map(line, effects[:_EFFECTS])),
        more_effects=len(effects) > _EFFECTS,
    )
