"""What a step is copied as: the API's answer, a test for pytest, Markdown for a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from events.errors import NotFound, TooLarge
from projections.replay.address import Address
from projections.replay.copies.markdown import markdown
from projections.replay.copies.step_case import MEDIA_TYPE, step_case
from projections.replay.shown import Seen


def copied(request: HttpRequest, seen: Seen, page: Mapping[str, Any]) -> HttpResponse | None:
    """The twin that `?format=` asks for, `json`, `pytest` or `md`, if it asks for one. `page` is the page's context.

    Raises:
        NotFound: there is no such format.
    """
    match request.GET.get("format"):
        case None:
            return None
        case "json":
            return redirect(_api_url(seen))
        case "pytest":
            return _case(seen)
        case "md":
            url = request.build_absolute_uri(seen.address.step(seen.place))
            return _text(markdown(seen, page["source_words"], url, page), "text/markdown")
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


def _case(seen: Seen) -> HttpResponse:
    if not seen.made.is_known:
        return _text("There is no test for this step: its state is not known.\n", "text/plain", status=409)
    try:
        return _text(step_case(seen.made, log_name=seen.address.log_name), MEDIA_TYPE)
    except TooLarge as error:
        return _text(f"{error.detail}\n", "text/plain", status=error.status)
