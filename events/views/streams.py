"""The list of streams, and the page of one stream's events from either end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from events.errors import NoSuchStream
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
        return store.streams(log_id, prefix=prefix, category=category, after=after, limit=ROWS + 1).fetch()
    before = fields.get("before")
    return store.latest_streams(log_id, prefix=prefix, category=category, before=before, limit=ROWS + 1).fetch()


@require_safe
@log_page()
def stream(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/streams/<name>/`: newest first, unless `?direction=forward`."""
    info = existing(member.log_id, name)
    form = StreamForm(request.GET)
    fields = form.cleaned_data if form.is_valid() else {"direction": "", "from_version": None}
    backward = fields["direction"] != "forward"
    events = _events(member.log_id, info, from_version=fields["from_version"], backward=backward)
    context = {
        "here": "streams",
        "stream": info,
        "events": sorted(events, key=lambda event: event.version),
        "lines": [line(event) for event in events],
        "direction": "backward" if backward else "forward",
        **_ways_on(sorted(event.version for event in events), info, backward=backward),
    }
    status = 200 if form.is_valid() else 400
    return show(
        request, member, template="events/stream.html", partial="events/_stream.html", context=context, status=status
    )


def _events(log_id: int, info: StreamInfo, *, from_version: int | None, backward: bool) -> Sequence[Event]:
    """Return the events of a page, in its direction: fewer than `ROWS` where they are large."""
    after = before = None
    if from_version is not None:
        after, before = (None, from_version + 1) if backward else (from_version - 1, None)
    return (
        scan.search_stream(
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
        .fetch()
        .events
    )


def _ways_on(versions: list[int], info: StreamInfo, *, backward: bool) -> dict[str, int | None]:
    """Return the versions from which the pages with newer and with older events read, in this direction."""
    if not versions:
        return {"newer": None, "older": None}
    top, bottom = versions[-1], versions[0]
    newer = min(info.version, top + ROWS) if backward else top + 1
    older = bottom - 1 if backward else max(1, bottom - ROWS)
    return {"newer": newer if top < info.version else None, "older": older if bottom > 1 else None}


def existing(log_id: int, name: str) -> StreamInfo:
    """Return a stream of the log.

    Raises:
        NoSuchStream: there is no stream with this name.
    """
    info = store.stream(log_id, name).first()
    if info is None:
        raise NoSuchStream(f"There is no stream {name!r}.")
    return info
