"""How pages print what came out of the log."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django import template
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from events.line import slot

register = template.Library()


@register.simple_tag
def glyph(type_name: str, failed: bool = False, extra: str = "") -> SafeString:
    """A type's colour and shape; the octagon where it failed."""
    name = "err" if failed else slot(type_name)
    symbol = "error" if failed else name
    return format_html('<svg class="glyph t{} {}" aria-hidden="true"><use href="#t-{}"/></svg>', name, extra, symbol)


@register.simple_tag
def moment(at: datetime) -> SafeString:
    """A time in UTC that sorts and never misleads: month and day this year, else the year too."""
    if at.year == timezone.now().year:
        day, clock, rest = f"{at:%m-%d}", f"{at:%H:%M:%S}", f".{at.microsecond // 1000:03d}"
    else:
        day, clock, rest = f"{at.year:04d}-{at:%m-%d}", f"{at:%H:%M:%S}", ""
    return format_html(
        '<time class="time" datetime="{}" title="{}"><span class="day">{}</span> {}<span class="ms">{}</span></time>',
        at.isoformat().replace("+00:00", "Z"), precise(at), day, clock, rest,
    )  # fmt: skip


@register.filter
def precise(at: datetime) -> str:
    """A time with its microseconds, as text."""
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f} UTC"


@register.filter
def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


@register.simple_tag(takes_context=True)
def link(context: template.Context, **changed: object) -> str:
    """This page's query with some of it changed; None takes a parameter away."""
    query: QueryDict = context["request"].GET.copy()
    for name, value in changed.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag
def query(**given: object) -> str:
    """A query string of just these."""
    return f"?{urlencode(given)}"
