"""The page of one event: its data, its neighbours, its cause and its effects; and the part that opens in a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from events import redaction
from events.api.responses import event_json
from events.converters import names_string, workflow_url
from events.errors import NoSuchEvent
from events.json.pointer import at
from events.json.tree import RowUrls, TreeRow, tree_rows
from events.json.value import loads
from events.models import Member
from events.query.tree import Root
from events.reading import store
from events.types import Event
from events.views.data_tree import data_tree, part_of_data
from events.views.event_line import EventLine, line
from events.views.page import log_page, show
from events.views.picks import Picks

_MAX_EFFECTS = 20
_RAW_CHARACTERS_SHOWN = 4_000


@dataclass(frozen=True, slots=True)
class Around:
    """An event's cause and effects. `effects` is cut after a few (`more_effects`)."""

    cause: EventLine | None
    effects: tuple[EventLine, ...]
    more_effects: bool


@dataclass(frozen=True, slots=True)
class Rail:
    """A sequence to which an event belongs: the positions before and after it, and the page of all its events."""

    label: str
    along: str
    name: str
    url: str
    previous: int | None
    next: int | None


@require_safe
@log_page()
def event(request: HttpRequest, member: Member, position: int) -> HttpResponse:
    """`/logs/<log>/events/<position>`.

    `?format=json` is the event alone, `?text=` shows one long text of its data whole, `?metadata_text=` one of its
    metadata. `?in=` shows a part of its data, `?q=` is the query that its + and − extend.
    """
    shown_event = store.event(member.log_id, position).first()
    if shown_event is None:
        raise NoSuchEvent(f"{member.log.name} has no event at position {position}.")
    if request.GET.get("format") == "json":
        return HttpResponse(event_json(shown_event), content_type="application/json")
    data, metadata = loads(shown_event.data), loads(shown_event.metadata)
    if text := _long_text(request, data, metadata):
        return text
    picks = Picks(member.log.name, request.GET)
    pick = picks.among(Root.DATA, data)
    if "part" in request.GET and request.headers.get("HX-Request"):
        return part_of_data(request, member.log.name, shown_event, pick=pick)
    context = {
        "here": "timeline",
        "event": shown_event,
        "line": line(shown_event),
        "redaction": redaction.of(member.log_id, shown_event),
        "event_url": reverse("event", args=[member.log.name, position]),
        "around": around(member.log_id, shown_event),
        "rails": partial(_rails, member, shown_event),  # the part that opens in a row does not call this
        "picks": picks.names(shown_event),
        "tags": picks.tags(shown_event),
        "data": data_tree(member.log.name, shown_event, request.GET, pick=pick),
        "metadata": tree_rows(
            metadata, pick=picks.among(Root.METADATA, metadata), whole=request.GET.get("metadata_text")
        ),
        "raw": shown_event.data[:_RAW_CHARACTERS_SHOWN],
        "raw_size": len(shown_event.data.encode()),
        "raw_cut": len(shown_event.data) > _RAW_CHARACTERS_SHOWN,
    }
    return show(request, member, template="events/event.html", partial="events/_opened.html", context=context)


def _long_text(request: HttpRequest, data: object, metadata: object) -> HttpResponse | None:
    """Return one long text of the event, if a page asks for it."""
    if not request.headers.get("HX-Request"):
        return None
    for name, value in (("text", data), ("metadata_text", metadata)):
        if (pointer := request.GET.get(name)) is not None:
            row = whole_text(value, pointer)
            return render(request, "components/_text.html", {"row": row, "links": RowUrls()})
    return None


def whole_text(data: object, pointer: str) -> TreeRow:
    """Return the row of the whole string at a pointer.

    Raises:
        NoSuchEvent: there is no string.
    """
    try:
        text = at(data, pointer)
    except LookupError as error:
        raise NoSuchEvent(f"There is nothing at {pointer!r}.") from error
    if not isinstance(text, str):
        raise NoSuchEvent(f"There is no text at {pointer!r}.")
    return TreeRow("text", pointer=pointer, kind="s", text=text, length=len(text))


def around(log_id: int, event: Event) -> Around:
    """Return the cause of an event, and its effects."""
    cause = store.event_by_id(log_id, event.causation_id).first() if event.causation_id else None
    effects = store.effects(log_id, event.id, limit=_MAX_EFFECTS + 1).fetch()
    return Around(
        cause=line(cause) if cause else None,
        effects=tuple(map(line, effects[:_MAX_EFFECTS])),
        more_effects=len(effects) > _MAX_EFFECTS,
    )


def _rails(member: Member, event: Event) -> list[Rail]:
    log, here = member.log, event.position
    timeline = reverse("timeline", args=[log.name])
    neighbours = store.neighbours(log.pk, event).fetch()

    def rail(label: str, along: str, name: str | None, url: str) -> Rail:
        positions = [neighbour.position for neighbour in neighbours if neighbour.along == label.lower()]
        before, after = (p for p in positions if p < here), (p for p in positions if p > here)
        return Rail(label, along, name or "", url if name else "", next(before, None), next(after, None))

    return [
        Rail("Log", "in the log", "", "", here - 1 or None, here + 1 if here < log.head else None),
        rail("Stream", "in the stream", event.stream, reverse("stream", args=[log.name, event.stream])),
        rail("Workflow", "in the workflow", event.correlation_id, workflow_url(log.name, event.correlation_id or "")),
        rail("Agent", "by the agent", event.agent, f"{timeline}{names_string(agent=event.agent or '')}"),
        rail("Type", "of the type", event.type, f"{timeline}{names_string(type=event.type)}"),
    ]
