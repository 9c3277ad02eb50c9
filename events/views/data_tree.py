"""An event's data as a tree: where it is large, part by part, each when it is opened."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from events.digits import whole_number
from events.errors import NoSuchEvent
from events.json.pointer import at
from events.json.tree import Links, Part, PickOf, Row, tree
from events.json.value import loads
from events.types import Event

_LARGE = 60_000
"""Characters of data that comes part by part."""


def data_context(log_name: str, event: Event, asked: QueryDict, *, pick: PickOf | None = None) -> dict[str, Any]:
    """The rows of an event's data, or of the part of it that `?in=` names; `?text=` shows one long text whole.

    Raises:
        NoSuchEvent: there is no such part.
    """
    url = reverse("event", args=[log_name, event.position])
    is_large, scope = len(event.data) > _LARGE, asked.get("in", "")
    part = Part(scope, 0, _skip(asked)) if is_large or scope else None
    return {
        "data": _rows(event, part, asked.get("text"), pick),
        "data_scope": scope,
        "data_part_url": f"{url}?part=" if part else "",
        "data_in_url": f"{url}?in=",
    }


def part_of_data(request: HttpRequest, log_name: str, event: Event, *, pick: PickOf | None = None) -> HttpResponse:
    """The rows of the part that `?part=` names.

    Raises:
        NoSuchEvent: there is no such part.
    """
    asked, url = request.GET, reverse("event", args=[log_name, event.position])
    depth = asked["part"].count("/") - asked.get("in", "").count("/")
    rows = _rows(event, Part(asked["part"], max(depth, 0), _skip(asked)), None, pick)
    links = Links(part=f"{url}?part=", inside=f"{url}?in=", text=f"{url}?text=")
    return render(request, "components/_tree_rows.html", {"rows": rows, "links": links})


def _rows(event: Event, part: Part | None, whole: str | None, pick: PickOf | None) -> list[Row]:
    data = loads(event.data)
    try:
        value = at(data, part.pointer) if part else data
    except LookupError as error:
        raise NoSuchEvent(f"There is nothing at {part and part.pointer!r}.") from error
    return tree(value, whole=whole, part=part, pick=pick or (lambda pointer: None))


def _skip(asked: QueryDict) -> int:
    return whole_number(asked.get("skip", "")) or 0
