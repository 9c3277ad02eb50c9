"""A database of their own, for tests that depend on all that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from events.sessions import direct_alias
from tests.support.factories import make_name


@contextmanager
def new_database(prefix: str) -> Iterator[str]:
    """Make an empty database, and let Django, and all connections of this process, use it; give its name."""
    direct = connections[direct_alias()]
    name = make_name(prefix)
    with _created(direct, name):
        before = {each.alias: each.settings_dict["NAME"] for each in connections.all()}
        try:
            _use(dict.fromkeys(before, name))
            yield name
        finally:
            _use(before)


def _use(names: dict[str, str]) -> None:
    connections.close_all()
    for alias, name in names.items():
        connections[alias].settings_dict["NAME"] = name


@contextmanager
def _created(direct: Any, name: str) -> Iterator[None]:
    with direct._nodb_cursor() as cursor:
        cursor.execute(f'create database "{name}"')
    try:
        yield
    finally:
        with direct._nodb_cursor() as cursor:
            cursor.execute(f'drop database "{name}" with (force)')
