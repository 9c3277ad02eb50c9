"""The list of streams, and the page of one stream's events from either end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from events.errors import NoSuchStream
from events.lists import reads as lists
from events.models import Member
from events.query.tree import EVERYTHING
from events.reading import scan, store
from events.types import Event, StreamInfo
from events.views.event_line import line
from events.views.forms import StreamForm, StreamsForm
from events.views.page import ROOM_BYTES, log_page, show

ROWS = 100


@require_safe
@log_page()
def streams(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/streams/`: by last event or by name; of a category, or with a prefix."""
    form = StreamsForm(request.GET)
    fields = form.cleaned_data if form.is_valid() else {}
    infos = _infos(member.log_id, fields)
    rows = infos[:ROWS]
    moments = store.moments(member.log_id, [info.last_position for info in rows]).fetch()
    moment_at = {moment.position: moment for moment in moments}
    context = {
        "here": "streams",
        "form": form,
        "order": fields.get("order") or "last",
        "streams": [(info, moment_at.get(info.last_position)) for info in rows],
        "last": rows[-1] if len(infos) > ROWS else None,
        "is_begun": bool(fields.get("after") or fields.get("before")),
        "behind": lists.behind(member.log_id).first(),
        "prefix": fields.get("prefix", ""),
        "category": fields.get("category", ""),
    }
    status = 200 if form.is_valid() else 400
    return show(
        request, member, template="events/streams.html", partial="events/_streams.html", context=context, status=status
    )


def _infos(log_id: int, fields: Mapping[str, Any]) -> list[StreamInfo]:
    """Return one stream more than a page shows, so that the page knows if there are more."""
    prefix, category = fields.get("prefix", ""), fields.get("category") or None
    if fields.get("order") == "name":
        after = fields.get("after", "")
        return lists.streams(log_id, prefix=prefix, category=category, after=after, limit=ROWS + 1).fetch()
    before = fields.get("before")
    return lists.latest_streams(log_id, prefix=prefix, category=category, before=before, limit=ROWS + 1).fetch()


@require_safe
@log_page()
def stream(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/streams/<name>/`: newest first, unless `?direction=forward`."""
    info = existing(member.log_id, name)
    form = StreamForm(request.GET)
    fields = form.cleaned_data if form.is_valid() else {"direction": "", "from_version": None, "to_version": None}
    backward = fields["direction"] != "forward"
    events = _events(member.log_id, info, first=fields["from_version"], last=fields["to_version"], backward=backward)
    context = {
        "here": "streams",
        "stream": info,
        "events": sorted(events, key=lambda event: event.version),
        "lines": [line(event) for event in events],
        "direction": "backward" if backward else "forward",
        **_ways_on(sorted(event.version for event in events), info),
    }
    status = 200 if form.is_valid() else 400
    return show(
        request, member, template="events/stream.html", partial="events/_stream.html", context=context, status=status
    )


def _events(log_id: int, info: StreamInfo, *, first: int | None, last: int | None, backward: bool) -> Sequence[Event]:
    """Return the events of a page, in its direction; `first` or `last` is the version of its first or last event.

    With `last`, a page that would reach the end of the stream is the whole page from that end.
    """
    if last is not None:
        events = _read(log_id, info, from_version=last, backward=not backward)
        if events and events[-1].version != (info.version if backward else 1):
            return events[::-1]
        first = None
    return _read(log_id, info, from_version=first, backward=backward)


def _read(log_id: int, info: StreamInfo, *, from_version: int | None, backward: bool) -> tuple[Event, ...]:
    """Return the next events of a stream in a direction: fewer than `ROWS` where they are large."""
    after = before = None
    if from_version is not None:
        after, before = (None, from_version + 1) if backward else (from_version - 1, None)
    search = scan.search_stream(
        log_id,
        info.name,
        EVERYTHING,
        after=after,
        before=before,
        backward=backward,
        limit=ROWS,
        room=ROOM_BYTES,
        version=info.version,
    )
    return search.fetch().events


def _ways_on(versions: list[int], info: StreamInfo) -> dict[str, int | None]:
    """Return the versions beside the page: the first newer one, and the last older one."""
    if not versions:
        return {"newer": None, "older": None}
    top, bottom = versions[-1], versions[0]
    return {"newer": top + 1 if top < info.version else None, "older": bottom - 1 if bottom > 1 else None}


def existing(log_id: int, name: str) -> StreamInfo:
    """Return a stream of the log.

    Raises:
        NoSuchStream: there is no stream with this name.
    """
    info = lists.stream(log_id, name).first()
    if info is None:
        raise NoSuchStream(f"There is no stream {name!r}.")
    return info
