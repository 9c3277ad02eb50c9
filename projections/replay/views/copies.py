"""What a step is copied as: the API's answer, a test for pytest, Markdown for a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from events.errors import NotFound
from events.types import Event
from projections.replay.address import Address
from projections.replay.copies.markdown import markdown
from projections.replay.copies.pytest_case import pytest_case
from projections.replay.shown import Seen
from projections.replay.window import Replay
from projections.values import exact_json
from projections.values.change import Json

_CASE_SIZE = 400_000
"""Characters of data and states in a test, at the most."""


def copied(request: HttpRequest, seen: Seen, page: Mapping[str, Any]) -> HttpResponse | None:
    """The twin that `?format=` asks for, `json`, `pytest` or `md`, if it asks for one. `page` is the page's context.

    Raises:
        NotFound: there is no such format.
    """
    words = page["source_words"]
    match request.GET.get("format"):
        case None:
            return None
        case "json":
            return redirect(_api_url(seen))
        case "pytest":
            return _case(seen, words)
        case "md":
            url = request.build_absolute_uri(seen.address.step(seen.place))
            return _text(markdown(seen, words, url, page), "text/markdown")
        case other:
            raise NotFound(f"There is no format {other!r}: it is json, pytest or md.")


def formats(address: Address, place: int) -> list[tuple[str, str]]:
    """The names of the twins of a step, and their addresses."""
    here = f"{address.step(place)}{'&' if address.suffix else '?'}format="
    return [("JSON", f"{here}json"), ("pytest case", f"{here}pytest"), ("Markdown", f"{here}md")]


def _api_url(seen: Seen) -> str:
    made, source = seen.made, seen.made.source
    params = {"log": seen.address.log_name, **source.parameters, "place": seen.place, "by": made.projection.name}
    return f"/api/replays/{source.public_kind}/step?{urlencode(params)}"


def _text(text: str, kind: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", status=status)


def _case(seen: Seen, words: str) -> HttpResponse:
    made = seen.made
    if not made.is_known:
        return _text("There is no test for this step: its state is not known.\n", "text/plain", status=409)
    place = made.stop.place if made.stop else 0
    title = f"{words} at {_step(made)} by {made.projection.name} version {made.projection.version}"
    events, given = _taken(made, made.near.events[: made.near.at + 1]), None
    if not made.near.begins or _size(events, made.after) > _CASE_SIZE:
        events, given = _taken(made, [made.stop.event] if made.stop else []), made.before
    if (size := _size(events, given, made.after)) > _CASE_SIZE:
        sorry = f"This step takes {size:,} characters as a test, of {_CASE_SIZE:,} at the most. Ask for it as JSON.\n"
        return _text(sorry, "text/plain", status=413)
    about = f"Copied from step {place} of the log {seen.address.log_name}."
    about += " All events up to it." if given is None else " Its event only: the state before it is given."
    text = pytest_case(made.projection, events, given=given, expected=made.after, title=title, about=about)
    return _text(text, "text/x-python")


def _taken(made: Replay, events: Sequence[Event]) -> list[Event]:
    """Those that the projection is given."""
    return [event for event in events if made.source.takes(made.projection, event)]


def _step(made: Replay) -> str:
    return f"step {made.stop.n or f'#{made.stop.place}'}" if made.stop else "step 0"


def _size(events: Sequence[Event], *states: Json) -> int:
    return sum(len(event.data) for event in events) + sum(len(exact_json.dumps(each)) for each in states)
