"""An event's data as a tree. Large data are sent part by part, each when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from events.digits import whole_number
from events.errors import NoSuchEvent
from events.json.pointer import at
from events.json.tree import PickOf, RowUrls, TreePart, TreeRow, tree_rows
from events.json.value import loads
from events.types import Event

_LARGE_CHARACTERS = 60_000
"""Longer data are sent part by part."""


@dataclass(frozen=True, slots=True)
class DataTree:
    """The rows of an event's data, or of the part at `scope`.

    A pointer is appended to the two addresses: `part_url` gives the rows of a part, `inside_url` a page of that part.
    """

    rows: list[TreeRow]
    scope: str
    part_url: str
    inside_url: str


def data_tree(log_name: str, event: Event, params: QueryDict, *, pick: PickOf | None = None) -> DataTree:
    """Return the tree of an event's data, or of the part of it that `?in=` names; `?text=` shows one long text whole.

    Raises:
        NoSuchEvent: there is no such part.
    """
    url = reverse("event", args=[log_name, event.position])
    is_large, scope = len(event.data) > _LARGE_CHARACTERS, params.get("in", "")
    part = TreePart(scope, 0, _skip(params)) if is_large or scope else None
    rows = _rows(event, part, params.get("text"), pick)
    return DataTree(rows, scope, part_url=f"{url}?part=" if part else "", inside_url=f"{url}?in=")


def part_of_data(request: HttpRequest, log_name: str, event: Event, *, pick: PickOf | None = None) -> HttpResponse:
    """Answer with the rows of the part that `?part=` names.

    Raises:
        NoSuchEvent: there is no such part.
    """
    params, url = request.GET, reverse("event", args=[log_name, event.position])
    depth = params["part"].count("/") - params.get("in", "").count("/")
    rows = _rows(event, TreePart(params["part"], max(depth, 0), _skip(params)), None, pick)
    links = RowUrls(part=f"{url}?part=", inside=f"{url}?in=", text=f"{url}?text=")
    return render(request, "components/_tree_rows.html", {"rows": rows, "links": links})


def _rows(event: Event, part: TreePart | None, whole: str | None, pick: PickOf | None) -> list[TreeRow]:
    data = loads(event.data)
    try:
        value = at(data, part.pointer) if part else data
    except LookupError as error:
        raise NoSuchEvent(f"There is nothing at {part and part.pointer!r}.") from error
    rows = tree_rows(value, whole=whole, part=part, pick=pick or (lambda pointer: None))
    cuts = _cuts(event)
    return [replace(row, note=_note(cuts[row.pointer])) if row.pointer in cuts else row for row in rows]


def _cuts(event: Event) -> Mapping[str, Any]:
    """Return what the metadata say of parts of the data that were cut before they were appended, by their pointers."""
    metadata = loads(event.metadata)
    cuts = metadata.get("cut") if isinstance(metadata, dict) else None
    return cuts if isinstance(cuts, dict) else {}


def _note(cut: Any) -> str:
    """Return what a row says of a cut. Metadata are anybody's."""
    for unit in ("bytes", "items") if isinstance(cut, dict) else ():
        if isinstance(size := cut.get(unit), int):
            return f"cut, was {size:,} {unit}"
    return "some characters replaced" if isinstance(cut, dict) and "replaced" in cut else ""


def _skip(params: QueryDict) -> int:
    return whole_number(params.get("skip", "")) or 0
