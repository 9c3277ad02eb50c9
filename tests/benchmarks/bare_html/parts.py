"""Parts of an event, as every page shows them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from markupsafe import escape

from events.api.responses import iso
from events.json.tree import PickUrls
from events.json.value import visible
from events.types import Event
from events.views.event_line import EventLine
from events.views.glyphs import Glyph, Glyphs


def text(value: str) -> str:
    return escape(visible(value))


def moment(at: datetime) -> str:
    if at.year == timezone.now().year:
        day, clock, milliseconds = f"{at:%m-%d}", f"{at:%H:%M:%S}", f".{at.microsecond // 1000:03d}"
    else:
        day, clock, milliseconds = f"{at.year:04d}-{at:%m-%d}", f"{at:%H:%M:%S}", ""
    return (
        f'<time class="time" datetime="{iso(at)}" title="{exactly(at)}"><span class="day">{day}</span> {clock}'
        f'<span class="ms">{milliseconds}</span></time>'
    )


def precise(at: datetime) -> str:
    return f'<time class="precise" datetime="{iso(at)}" title="{exactly(at)}">{exactly(at)}</time>'


def exactly(at: datetime) -> str:
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f} UTC"


def error_html(line: EventLine) -> str:
    return " is-error" if line.failed else ""


def typed(line: EventLine, glyphs: Glyphs) -> str:
    name, failed = text(line.event.type), '<span class="visually-hidden">, failed</span>' if line.failed else ""
    sign = drawn(glyphs(line.event.type, line.failed))
    return f'<span class="type" title="{name}">{sign}<span>{name}</span>{failed}</span>'


def drawn(glyph: Glyph) -> str:
    return f'<svg class="glyph t{glyph.colour} " aria-hidden="true"><use href="#t-{glyph.shape}"/></svg>'


def agent_html(event: Event) -> str:
    name = text(event.agent or "")
    return f'<span class="agent" title="{name}">{name}</span>'


def said_html(line: EventLine) -> str:
    words = ""
    for one in line.pairs:
        if one.key:
            words += f'<bdi class="kv">{text(one.key)}</bdi> '
        words += f'<bdi class="{"bad" if one.bad else f"v-{one.kind}"}">{text(one.text)}</bdi>  '
    return words


def pick_links(pick: PickUrls) -> str:
    return (
        f'<span class="picks"><a href="{text(pick.include)}" aria-label="Add to query">+</a>'
        f'<a href="{text(pick.exclude)}" aria-label="Exclude">−</a></span>'
    )
