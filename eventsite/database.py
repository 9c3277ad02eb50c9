"""DATABASE_URL and EVENTSITE_POOLER_URL as Django's DATABASES. Everything libpq understands may stand in them."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
"""Connections of the pages. Under ASGI each request has its own thread: what one thread keeps, no other uses."""
PREPARE_THRESHOLD = 5
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


def databases(url: str, *, pooler: str = "") -> dict[str, Any]:
    """`default`, which pages use; and where that is a pooler, `direct`, which is Postgres itself."""
    given = _read("DATABASE_URL", url)
    asked = given.pop("options", None) or os.environ.get("PGOPTIONS", "")
    own = {"options": f"{asked} {SETTINGS}".strip()}
    if not pooler:
        return {"default": _entry(given, **own, pool=POOL, prepare_threshold=PREPARE_THRESHOLD)}
    if pooler == url:
        raise ImproperlyConfigured("EVENTSITE_POOLER_URL is DATABASE_URL, which has to lead to Postgres itself.")
    lent = _read("EVENTSITE_POOLER_URL", pooler)
    if asked or lent.get("options"):
        raise ImproperlyConfigured(
            "Options in a URL or in PGOPTIONS do not pass a pooler: without EVENTSITE_POOLER_URL they hold for every "
            "session; with it, give them to the database's user (ALTER ROLE … SET …)."
        )
    return {"default": _entry(lent, pool=POOL), "direct": _entry(given, **own)}


def _read(variable: str, url: str) -> dict[str, Any]:
    try:
        given: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"{variable} can't be read: {str(error).strip()}") from None
    if not given.get("dbname"):
        raise ImproperlyConfigured(f"{variable} names no database: postgresql://user:password@host:5432/NAME")
    return given


def _entry(given: dict[str, Any], **options: Any) -> dict[str, Any]:
    named = {key: str(given.get(key, "")) for key in ("dbname", "user", "password", "host", "port")}
    others = {key: value for key, value in given.items() if key not in named}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": named["dbname"],
        "USER": named["user"],
        "PASSWORD": named["password"],
        "HOST": named["host"],
        "PORT": named["port"],
        # A failover leaves dead connections in the pool, each good for one error: it tries one before it gives it out.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**NETWORK, **others, **options},
    }
