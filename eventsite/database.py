"""DATABASE_URL as Django's DATABASES entry. Everything libpq understands may stand in it."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
"""Connections of the pages. Under ASGI each request has its own thread: what one thread keeps, no other uses."""
PREPARED = 5
"""After how many executions a statement is prepared, where psycopg's own cursor is used: Django's never does that."""

SETTINGS = "-c jit=off"
"""Of every session. To compile a plan takes longer than running it: pages and appends ask for little, but often."""
NETWORK = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Unless the URL says otherwise, a server that vanished without a word is noticed within twenty seconds, not hours."""


def database(url: str) -> dict[str, Any]:
    try:
        options: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL can't be read: {error}") from None
    name = options.pop("dbname", "")
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host:5432/NAME")
    asked = options.pop("options", None) or os.environ.get("PGOPTIONS", "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": str(options.pop("port", "")),
        # A failover leaves dead connections in the pool, each good for one error: it tries one before it gives it out.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **NETWORK,
            **options,
            "options": f"{asked} {SETTINGS}".strip(),
            "pool": POOL,
            "prepare_threshold": PREPARED,
        },
    }
