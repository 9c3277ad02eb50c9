"""How pages print what came out of the log."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from events import converters
from events.api.responses import iso
from events.json.tree import By
from events.json.value import visible
from events.views.event_line import Line, Said, slot
from events.views.swimlanes import Mark

register = template.Library()
register.filter(visible)


@register.simple_tag
def glyph(type_name: str, failed: bool = False, extra: str = "") -> SafeString:
    """A type's colour and shape; the octagon where it failed."""
    name, symbol = _shape(type_name, failed)
    return format_html('<svg class="glyph t{} {}" aria-hidden="true"><use href="#t-{}"/></svg>', name, extra, symbol)


_DRAWN = """<a href="{}{}" tabindex="-1"><title>#{} {}</title><svg x="{}" y="{}" width="12" height="12">\
<rect width="12" height="12" class="hit"/><use class="glyph t{}" href="#t-{}"/></svg></a>"""


@register.simple_tag
def drawn(mark: Mark, events_url: str) -> SafeString:
    """An event in a drawing, which holds hundreds: its glyph, and a link to its page below `events_url`."""
    event = mark.line.event
    shape = _shape(event.type, mark.line.failed)
    return format_html(
        _DRAWN, events_url, event.position, count(event.position), visible(event.type), mark.x - 6, mark.y - 6, *shape
    )


@register.simple_tag
def said(line: Line) -> SafeString:
    """The keys and values that a row shows: hundreds a page, for which a template would take thrice as long."""
    return SafeString("".join(_said(one) for one in line.said))


_BY = """<span class="by">{}<bdi class="ag ellipsis" title="{}">{}</bdi>\
<a class="link" href="{}" hx-get="{}" hx-target="#state" hx-swap="outerHTML" hx-push-url="true" \
aria-label="History of {}">history</a></span>"""


@register.simple_tag
def set_by(by: By, key: str | None) -> SafeString:
    """Who last set a value of a tree, in columns."""
    event = SafeString(f'<span class="faint">{"not known" if by.position is None else "initial"}</span>')
    if by.position:
        shape = glyph(by.type)
        event = format_html(
            '<a class="setby" href="{}" title="{}">{}#{}</a>', by.url, visible(by.type), shape, count(by.position)
        )
    agent = visible(by.agent or "")
    return format_html(_BY, event, agent, agent, by.history, by.history, key or "the state")


def _said(one: Said) -> str:
    key = f'<bdi class="kv">{escape(one.key)}</bdi> ' if one.key else ""
    return f'{key}<bdi class="{"bad" if one.bad else f"v-{one.kind}"}">{escape(one.text)}</bdi>  '


def _shape(type_name: str, failed: bool) -> tuple[str, str]:
    return ("err", "error") if failed else (str(slot(type_name)),) * 2


@register.simple_tag
def moment(at: datetime) -> SafeString:
    """A time in UTC that sorts and never misleads: month and day this year, else the year too. times.js rewrites it."""
    if at.year == timezone.now().year:
        day, clock, rest = f"{at:%m-%d}", f"{at:%H:%M:%S}", f".{at.microsecond // 1000:03d}"
    else:
        day, clock, rest = f"{at.year:04d}-{at:%m-%d}", f"{at:%H:%M:%S}", ""
    return format_html(
        '<time class="time" datetime="{}" title="{}"><span class="day">{}</span> {}<span class="ms">{}</span></time>',
        iso(at), _exactly(at), day, clock, rest,
    )  # fmt: skip


@register.filter
def precise(at: datetime) -> SafeString:
    """A time with its microseconds."""
    exactly = _exactly(at)
    return format_html('<time class="precise" datetime="{}" title="{}">{}</time>', iso(at), exactly, exactly)


def _exactly(at: datetime) -> str:
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f} UTC"


@register.filter
def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


@register.filter
def took(span: timedelta) -> str:
    """A duration in its two largest units."""
    seconds = span.total_seconds()
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {seconds} s"
    days, hours = divmod(hours, 24)
    return f"{days:,} d {hours} h" if days else f"{hours} h {minutes} min"


register.simple_tag(converters.workflow_url)
register.simple_tag(converters.names_string, name="asking_for")


@register.simple_tag(takes_context=True)
def link(context: template.Context, **changed: object) -> str:
    """This page's query with some of it changed; None and "" take a parameter away."""
    query: QueryDict = context["request"].GET.copy()
    for name, value in changed.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}"
