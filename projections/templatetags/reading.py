"""What projections add to pages that know nothing of them."""

from __future__ import annotations

from typing import Any

from django import template

from events.json_tree import tree
from events.json_value import loads
from events.types import Event
from projections import upcasting
from projections.diff import diff
from projections.marks import marks
from projections.upcasting import UpcastFailed

register = template.Library()


@register.inclusion_tag("projections/_read_as.html")
def read_as(event: Event) -> dict[str, Any]:
    """How an event is read where that is not as it is stored: the newer version, and what the upcasters changed.

    A tag, because the page of an event is the log's, which never imports projections: templates are where both meet.
    """
    chains = upcasting.current()
    version = chains.read_as(event)
    if version == event.schema_version:
        return {}
    found = {"version": version, "stored_version": event.schema_version, "position": event.position}
    try:
        data = chains.read(event)
        return {**found, "rows": tree(data, marks=marks(diff(loads(event.data), data)))}
    except UpcastFailed as error:
        return {**found, "failed": error}
