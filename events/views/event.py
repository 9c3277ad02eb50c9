"""One event: what it says, where it stands, what caused it and what it caused. A page, and what a row opens to."""

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
from events.views.event_line import Line, line
from events.views.page import log_page, show
from events.views.picks import Picks

_EFFECTS = 20
_RAW_SHOWN = 4_000


@dataclass(frozen=True, slots=True)
class Around:
    """An event's cause and effects. `effects` is cut after a few (`more_effects`)."""

    cause: Line | None
    effects: tuple[Line, ...]
    more_effects: bool


@dataclass(frozen=True, slots=True)
class Rail:
    """One way to go on from an event: the positions before and after it, and a page of all along it."""

    label: str
    along: str
    name: str
    url: str
    previous: int | None
    next: int | None


@require_safe
@log_page()
def event(request: HttpRequest, member: Member, position: int) -> HttpResponse:
    """`/logs/<log>/events/<position>`; `?format=json` is the event alone, `?text=` shows one long text of its data
    whole, `?metadata_text=` one of its metadata.

    `?in=` shows a part of its data, `?q=` is the query that its + and − extend.
    """
    found = store.event(member.log_id, position).first()
    if found is None:
        raise NoSuchEvent(f"{member.log.name} has no event at position {position}.")
    if request.GET.get("format") == "json":
        return HttpResponse(event_json(found), content_type="application/json")
    data, metadata = loads(found.data), loads(found.metadata)
    if text := _long_text(request, data, metadata):
        return text
    picks = Picks(member.log.name, request.GET)
    pick = picks.among(Root.DATA, data)
    if "part" in request.GET and request.headers.get("HX-Request"):
        return part_of_data(request, member.log.name, found, pick=pick)
    context = {
        "here": "timeline",
        "event": found,
        "line": line(found),
        "redaction": redaction.of(member.log_id, found),
        "event_url": reverse("event", args=[member.log.name, position]),
        "around": around(member.log_id, found),
        "rails": partial(_rails, member, found),  # which the part of a page that opens in a row goes without
        "picks": picks.names(found),
        "data": data_tree(member.log.name, found, request.GET, pick=pick),
        "metadata": tree_rows(
            metadata, pick=picks.among(Root.METADATA, metadata), whole=request.GET.get("metadata_text")
        ),
        "raw": found.data[:_RAW_SHOWN],
        "raw_size": len(found.data.encode()),
        "raw_cut": len(found.data) > _RAW_SHOWN,
    }
    return show(request, member, template="events/event.html", partial="events/_opened.html", context=context)


def _long_text(request: HttpRequest, data: object, metadata: object) -> HttpResponse | None:
    """The long text that a page asks for in the place of its beginning."""
    if not request.headers.get("HX-Request"):
        return None
    for name, value in (("text", data), ("metadata_text", metadata)):
        if (pointer := request.GET.get(name)) is not None:
            row = whole_text(value, pointer)
            return render(request, "components/_text.html", {"row": row, "links": RowUrls()})
    return None


def whole_text(data: object, pointer: str) -> TreeRow:
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
    return TreeRow("text", pointer=pointer, kind="s", text=text, length=len(text))


def around(log_id: int, event: Event) -> Around:
    """What an event follows from, and what follows from it."""
    cause = store.event_by_id(log_id, event.causation_id).first() if event.causation_id else None
    effects = store.effects(log_id, event.id, limit=_EFFECTS + 1).fetch()
    return Around(
        cause=line(cause) if cause else None,
        effects=tuple(map(line, effects[:_EFFECTS])),
        more_effects=len(effects) > _EFFECTS,
    )


def _rails(member: Member, event: Event) -> list[Rail]:
    log, here = member.log, event.position
    timeline = reverse("timeline", args=[log.name])
    near = store.neighbours(log.pk, event).fetch()

    def rail(label: str, along: str, name: str | None, url: str) -> Rail:
        positions = [one.position for one in near if one.along == label.lower()]
        before, after = (p for p in positions if p < here), (p for p in positions if p > here)
        return Rail(label, along, name or "", url if name else "", next(before, None), next(after, None))

    return [
        Rail("Log", "in the log", "", "", here - 1 or None, here + 1 if here < log.head else None),
        rail("Stream", "in the stream", event.stream, reverse("stream", args=[log.name, event.stream])),
        rail("Workflow", "in the workflow", event.correlation_id, workflow_url(log.name, event.correlation_id or "")),
        rail("Agent", "by the agent", event.agent, f"{timeline}{names_string(agent=event.agent or '')}"),
        rail("Type", "of the type", event.type, f"{timeline}{names_string(type=event.type)}"),
    ]
