"""Macros of templates, for HTML that is drawn apart from a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.template import engines


def macro(template: str, name: str) -> Callable[..., str]:
    """Return a macro of a template. It sees the globals of the engine, and no context of a page."""
    jinja: Any = engines["jinja2"]
    function: Callable[..., str] = getattr(jinja.env.get_template(template).module, name)
    return function
