"""The ways into a replay, from pages that know nothing of projections."""

from __future__ import annotations

from typing import cast

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from events.line import Line, slot
from projections.replay_address import Address
from projections.sources import Kind, Source

register = template.Library()


@register.simple_tag
def replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    """A step of the replay of a stream, workflow, agent, query or (with no name) of the log."""
    return Address(log_name, Source(cast("Kind", kind), name)).step(place)


@register.simple_tag
def drawn_at(line: Line, y: int, is_wide: bool) -> SafeString:
    """An event's glyph in the strip, smaller where there are many."""
    size = 12 if is_wide else 8
    name, symbol = ("err", "error") if line.failed else (str(slot(line.event.type)),) * 2
    return format_html(
        '<use class="glyph t{}" href="#t-{}" x="{}" y="{}" width="{}" height="{}"/>',
        name, symbol, -size // 2, y - size // 2, size, size,
    )  # fmt: skip
