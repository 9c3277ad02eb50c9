"""DATABASE_URL as Django's DATABASES entry. Everything libpq understands may stand in it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
"""Connections of the pages. Under ASGI each request has its own thread: what one thread keeps, no other uses."""
PREPARED = 5
"""After how many executions a statement is prepared, where psycopg's own cursor is used: Django's never does that."""


def database(url: str) -> dict[str, Any]:
    try:
        options: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL can't be read: {error}") from None
    name = options.pop("dbname", "")
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host:5432/NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": str(options.pop("port", "")),
        "OPTIONS": {**options, "pool": POOL, "prepare_threshold": PREPARED},
    }
