"""The ways into a replay, from pages that know nothing of projections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from events.json.value import visible
from events.models import Log
from events.reading.db_work import run
from events.types import Event
from events.views.event_line import slot
from projections.definition.projection import Projection
from projections.replay.address import Address
from projections.replay.drawing.pinned_tracks import HEIGHT, Segment, Track
from projections.replay.drawing.strip import Column, Strip
from projections.replay.findings import Shown, findings
from projections.states.at_moment import State
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import KINDS, class_of

register = template.Library()

_FOUND = 5


@register.simple_tag
def replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    """A step of the replay of a stream, workflow, agent, query or (with no name) of the log."""
    return Address(log_name, KINDS[kind](name)).step(place)


@register.simple_tag
def replay_of_state(log_name: str, projection: Projection, key: str, state: State, before: State | str = "") -> str:
    """The step that made a state; with the one before, how they differ. Empty where its key has no replay."""
    source = class_of(projection)(key)
    if isinstance(source, ScannedSource) and not projection.materialised:
        return ""
    from_place = {"from_": str(source.place(before))} if isinstance(before, State) else {}
    return Address(log_name, source).step(source.place(state), by=projection.name, **from_place)


@register.inclusion_tag("projections/_found.html")
def found_in(log: Log, kind: str, name: str, events: Sequence[Event]) -> dict[str, Any]:
    """What went wrong in a stream or a workflow up to the last of some of its events, as steps of its replay."""
    source = KINDS[kind](name)
    address = Address(log.name, source)
    found = run(findings(log.pk, source, events=events, head=log.head))
    sure = [each for each in found.found if each.is_sure]
    return {
        "found": sure[-_FOUND:],
        "earlier": max(0, len(sure) - _FOUND),
        "missing": found.missing,
        "failed": [(each, address.step(0, by=each.name)) for each, _ in found.failed],
        "replay": address,
    }


@register.simple_tag
def shown_url(shown: Shown, place: int, at: Address) -> str:
    """The step at which a state shows what was found: of a replay's place, or in the replay of one stream."""
    source = at.source if shown.stream is None else StreamSource(shown.stream)
    step = at if source == at.source else Address(at.log_name, source)
    return step.step(place if shown.stream is None else shown.version, by=shown.by, why=shown.pointer)


_COLUMN = """<a class="column{}" href="{}" tabindex="-1"><title>{}</title>\
<rect class="hit" x="{}" y="0" width="{}" height="{}"/><svg x="{}" y="0" overflow="visible">{}</svg></a>"""


@register.simple_tag
def column_of(strip: Strip, column: Column, at: Address) -> SafeString:
    """A step of the strip: a hundred a page, for which a template would take five times as long."""
    shade = " now" if column.is_now else " ahead" if column.is_ahead else ""
    href = f"{at.prefix}{column.stop.place}{at.suffix}"
    parts = SafeString("".join(_parts(strip, column)))
    return format_html(_COLUMN, shade, href, _title(column), column.left, strip.width, strip.height, column.x, parts)


def _title(column: Column) -> str:
    event, n = column.line.event, column.stop.n
    agent = f", {visible(event.agent)}" if event.agent else ""
    changed = "" if column.count is None else f": {column.count} changed"
    return f"{f'#{event.position:,}' if n is None else f'{n:,}'} {visible(event.type)}{agent}{changed}"


def _parts(strip: Strip, column: Column) -> Iterator[str]:
    """What stands in a column, from back to front. Numbers and our own words only."""
    wide = strip.is_wide
    if column.label:
        yield f'<text class="label{" fifth" * column.is_fifth}" y="16">{column.label}</text>'
    if column.mark == "sure":
        x, y = (10, 7) if wide else (-5, 17)
        yield f'<use class="glyph found" href="#t-error" x="{x}" y="{y}" width="10" height="10"/>'
    elif column.mark:
        yield f'<path class="maybe" d="M{"15 7" if wide else "0 17"}l5 9h-10z"/>'
    size = 12 if wide else 8
    name, symbol = ("err", "error") if column.line.failed else (str(slot(column.line.event.type)),) * 2
    place = f'x="{-size // 2}" y="{column.y - size // 2}" width="{size}" height="{size}"'
    yield f'<use class="glyph t{name}" href="#t-{symbol}" {place}/>'
    if column.bar:
        across = 'x="-4" width="8"' if wide else 'x="-2" width="4"'
        yield f'<rect class="bar" {across} y="{column.bar_y}" height="{column.bar}"/>'
    if wide and column.count:
        yield f'<text class="tally" x="7" y="{strip.floor - 3}">{column.count}</text>'


_TREND = """<svg class="trend" y="{}" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">\
<path d="{}" vector-effect="non-scaling-stroke"/></svg>"""
_SEGMENT = """<svg class="segment{}" x="{}" y="{}" width="{}" height="{}">\
<rect width="100%" height="100%"/>{}</svg>"""
_WIDE = 1_200
_LETTER = 7
"""Pixels: of the strip on a wide screen, of a letter in it. What surely has no room is left out."""


@register.simple_tag
def track_of(strip: Strip, track: Track) -> SafeString:
    """A pinned value along the strip: how it goes where it is a number, and its values where they change. The columns
    behind it lead to the steps."""
    columns = len(strip.columns)
    trend = format_html(_TREND, track.y, HEIGHT, columns, HEIGHT, track.line) if track.line else ""
    # Along a line, some of the numbers would say less than its scale.
    is_read = not track.line or all((len(_shown(each)) + 1) * _LETTER < _room(each, columns) for each in track.segments)
    return SafeString(trend + "".join(_segment(track, each, columns, is_read=is_read) for each in track.segments))


def _shown(segment: Segment) -> str:
    return "–" if segment.text is None else segment.text


def _room(segment: Segment, columns: int) -> float:
    return segment.count * _WIDE / columns


def _segment(track: Track, segment: Segment, columns: int, *, is_read: bool) -> str:
    is_shown = is_read and _room(segment, columns) > 4 * _LETTER
    return format_html(
        _SEGMENT,
        " none" if segment.text is None else " number" if track.line else "",
        f"{100 * segment.first / columns:.3f}%",
        track.y + 2,
        f"{100 * segment.count / columns:.3f}%",
        HEIGHT - 4,
        format_html('<text x="6" y="12">{}</text>', _shown(segment)) if is_shown else "",
    )
