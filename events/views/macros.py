"""Macros of templates, for HTML that is drawn apart from a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.template import engines


def macro(template: str, name: str) -> Callable[..., str]:
    """A macro of a template. It sees what the engine gives to all of them, and no page."""
    jinja: Any = engines["jinja2"]
    found: Callable[..., str] = getattr(jinja.env.get_template(template).module, name)
    return found
