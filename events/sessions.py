"""How Eventsite's own sessions with Postgres begin, beside Django's: where they lead, and with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass(frozen=True, slots=True)
class Address:
    """A database as libpq names it. What it asks for, its `options` too, holds for every session."""

    conninfo: str

    def session(self, name: str, settings: Mapping[str, str] | None = None) -> str:
        """The conninfo of a session with a name, which Postgres shows, and settings of its own."""
        given = conninfo_to_dict(self.conninfo)
        options = [f"-c {setting}={value}" for setting, value in (settings or {}).items()]
        return make_conninfo(
            self.conninfo,
            application_name=f"{given.get('application_name', 'eventsite')} {name}",
            options=" ".join([str(given.get("options", "")), *options]).strip(),
        )


def address() -> Address:
    """That of Django's own database."""
    parameters = connections["default"].get_connection_params()
    own = ("client_encoding", "prepare_threshold")
    return Address(
        make_conninfo(
            **{key: str(value) for key, value in parameters.items() if isinstance(value, str | int) and key not in own}
        )
    )
