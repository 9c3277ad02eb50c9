"""DATABASE_URL and EVENTSITE_POOLER_URL as Django's DATABASES, with all parameters of libpq."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
"""The pool of the pages. Under ASGI each request has its own thread, and a thread's connection serves no other."""
PREPARE_THRESHOLD = 5
"""Executions after which psycopg's own cursor prepares a statement. (Django's cursor never does.)"""
SETTINGS = "-c jit=off"
"""The settings of every session. The compilation of a plan takes longer than these many, small queries."""
NETWORK = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Defaults by which a server that vanished silently is noticed within twenty seconds, not hours."""


def databases(url: str, *, pooler: str = "") -> dict[str, Any]:
    """Return `default`, which pages use; and, if that is a pooler, `direct`, which is Postgres itself."""
    parameters = _read("DATABASE_URL", url)
    operator_options = parameters.pop("options", None) or os.environ.get("PGOPTIONS", "")
    options = {"options": f"{operator_options} {SETTINGS}".strip()}
    if not pooler:
        return {"default": _entry(parameters, **options, pool=POOL, prepare_threshold=PREPARE_THRESHOLD)}
    if pooler == url:
        raise ImproperlyConfigured("EVENTSITE_POOLER_URL equals DATABASE_URL, which must lead to Postgres itself.")
    pooler_parameters = _read("EVENTSITE_POOLER_URL", pooler)
    if operator_options or pooler_parameters.get("options"):
        raise ImproperlyConfigured(
            "Options in a URL or in PGOPTIONS do not pass a pooler: without EVENTSITE_POOLER_URL they hold for every "
            "session; with it, give them to the database's user (ALTER ROLE … SET …)."
        )
    return {"default": _entry(pooler_parameters, pool=POOL), "direct": _entry(parameters, **options)}


def _read(variable: str, url: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"{variable} can't be read: {str(error).strip()}") from None
    if not parameters.get("dbname"):
        raise ImproperlyConfigured(f"{variable} names no database: postgresql://user:password@host:5432/NAME")
    return parameters


def _entry(parameters: dict[str, Any], **options: Any) -> dict[str, Any]:
    place = {key: str(parameters.get(key, "")) for key in ("dbname", "user", "password", "host", "port")}
    others = {key: value for key, value in parameters.items() if key not in place}
    return {
        "ENGINE": "eventsite.postgres",
        "NAME": place["dbname"],
        "USER": place["user"],
        "PASSWORD": place["password"],
        "HOST": place["host"],
        "PORT": place["port"],
        # A failover leaves dead connections, each of which would cost an error: our backend tests those of the pool.
        "CONN_HEALTH_CHECKS": "pool" not in options,
        "OPTIONS": {**NETWORK, **others, **options},
    }
