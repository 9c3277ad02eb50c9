"""The template engine of all pages, with its functions and filters."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.messages import get_messages
from django.template.defaultfilters import pluralize, truncatechars
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import json_script
from django_htmx.jinja import htmx_script
from jinja2 import Environment, StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup

from events.json.value import visible
from events.views import template_functions as events
from eventsite.jinja.white_space import LineBreaks
from eventsite.version import version
from projections.dead_letters.views import template_functions as dead_letters
from projections.replay.views import template_functions as replay
from projections.views import template_functions as projections

_LOOKS = {12: "icon sm", 14: "icon sm", 16: "icon", 20: "icon big"}
"""The classes of an icon, by its size in pixels."""

_HTMX_CONFIG = {
    "includeIndicatorStyles": False,  # the Content-Security-Policy allows neither inline styles nor eval
    "allowEval": False,
    "historyCacheSize": 0,
    "attributesToSettle": ["class", "width", "height"],  # not `style`, which the policy refuses
    "refreshOnHistoryMiss": True,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..|400", "swap": True},  # a form that can't be read is answered by the form
        {"code": "[45]..", "swap": False, "error": True},
    ],
}


class Unchanged(str):
    """A text that is printed unchanged: the value of a field of a form, or the input of a script."""

    __slots__ = ()


def shown(value: object) -> object:
    """Return the form in which a template prints a value.

    Invisible characters of a text are escaped, unless it is `Unchanged`.
    """
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return visible(value)


def environment(**options: Any) -> Environment:
    """Return the environment, from the options of Django's backend.

    A name that a template does not have is an error.
    """
    settings = {"undefined": StrictUndefined, "extensions": [LineBreaks], "finalize": shown}
    jinja = Environment(**{**options, **settings})  # noqa: S701
    jinja.globals.update(
        htmx_config=_HTMX_CONFIG,
        htmx_script=htmx_script,
        icon=icon,
        json_script=json_script,
        messages_of=get_messages,
        static=static,
        url=url,
        version=version,
        **events.FUNCTIONS,
        **projections.FUNCTIONS,
        **replay.FUNCTIONS,
        **dead_letters.FUNCTIONS,
    )
    jinja.filters.update(pluralize=pluralize, truncatechars=truncatechars, unchanged=Unchanged, **events.FILTERS)
    return jinja


@cache
def icon(name: str, size: int = 14, look: str = "", label: str = "") -> Markup:
    """Return an icon; screen readers get its label or nothing. One takes 50 µs to draw, and a page has thirty."""
    words = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return Markup(lucide(name, size=size, **words, **{"class": look or _LOOKS[size]}))  # noqa: S704


def url(name: str, *args: object) -> str:
    """Return the address of a page, by the name of its route."""
    return reverse(name, args=args)
