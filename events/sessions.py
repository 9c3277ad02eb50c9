"""The connections of Eventsite beside Django's: their addresses and settings.

If there is a pooler before Postgres (PgBouncer in transaction mode), most connections go through it. LISTEN, and locks
that are held longer than a transaction, need a session of their own: their connections go to Postgres itself.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from django.db import connections
from psycopg import AsyncClientCursor, AsyncConnection, AsyncCursor, Connection
from psycopg.abc import Params, Query
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

DIRECT = "direct"
"""The alias of Postgres itself, if `default` is a pooler."""

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[Any]]
Settings = Mapping[str, str]
_NOTHING: Settings = MappingProxyType({})


class Lent(AsyncConnection[Any]):
    """A connection through a pooler: each transaction runs in any free session of Postgres.

    A session keeps nothing, so no statement is prepared, and the settings are sent with each statement, as one text:
    they end with its transaction.
    """

    settings: Settings = _NOTHING

    async def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> AsyncCursor[Any]:
        """Execute a statement. `prepare` and `binary`, which callers pass for other connections, are ignored."""
        assert isinstance(query, str)
        if not self.settings:
            return await AsyncClientCursor(self).execute(query, params)
        settings = ", ".join([f"set_config('{name}', '{value}', true)" for name, value in self.settings.items()])
        cursor = await AsyncClientCursor(self).execute(f"select {settings}; {query}", params)
        cursor.nextset()
        return cursor

    async def begin(self, settings: Settings) -> None:
        """Set the settings for all later statements. (PgBouncer carries the time zone from session to session.)"""
        await self.execute("set timezone to 'UTC'")
        self.settings = {"jit": "off", **settings}


async def change(connection: AsyncConnection[Any], settings: Settings) -> None:
    """Change the settings for later statements."""
    if isinstance(connection, Lent):
        connection.settings = {**connection.settings, **settings}
    else:
        for name, value in settings.items():
            await connection.execute("select set_config(%s, %s, false)", [name, value])


def has_received(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Tell if something came over a connection that is not in use: its end, most likely.

    An idle session receives nothing. A look at the socket takes 2 µs, and only if there is something, the caller needs
    a query to test the connection: that takes 0.2 ms of the processor, as much as a read of one event.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a database, in the form of libpq. Its parameters, with `options`, hold for every session."""

    conninfo: str
    is_pooled: bool = False

    def session(self, name: str, settings: Settings = _NOTHING) -> str:
        """Return the conninfo of a session with a name, which Postgres shows, and settings of its own."""
        parameters = conninfo_to_dict(self.conninfo)
        options = [f"-c {setting}={value}" for setting, value in settings.items()]
        return make_conninfo(
            self._named(name), options=" ".join([str(parameters.get("options", "")), *options]).strip() or None
        )

    async def connect(self, name: str, settings: Settings = _NOTHING, **parameters: Any) -> AsyncConnection[Any]:
        """Return a connection on which every statement is a transaction."""
        if not self.is_pooled:
            return await AsyncConnection.connect(self.session(name, settings), autocommit=True, **parameters)
        connection = await Lent.connect(self._named(name), autocommit=True, **parameters)
        try:
            await connection.begin(settings)
        except BaseException:
            await connection.close()
            raise
        return connection

    def pool(
        self,
        name: str,
        settings: Settings,
        pool_class: type[Pool] = AsyncConnectionPool,
        *,
        min_size: int,
        max_size: int,
        timeout: float,
    ) -> Pool:
        """Return a pool of connections on which every statement is a transaction. The pool is not yet open."""

        async def begin(connection: AsyncConnection[Any]) -> None:
            assert isinstance(connection, Lent)
            await connection.begin(settings)

        return pool_class(
            self._named(name) if self.is_pooled else self.session(name, settings),
            connection_class=Lent if self.is_pooled else AsyncConnection,
            configure=begin if self.is_pooled else None,
            kwargs={"autocommit": True},
            open=False,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
        )

    def _named(self, name: str) -> str:
        parameters = conninfo_to_dict(self.conninfo)
        return make_conninfo(
            self.conninfo, application_name=f"{parameters.get('application_name', 'eventsite')} {name}"
        )


def address() -> Address:
    """Return the address that pages use, too: the address of the pooler, or of Postgres itself."""
    return Address(_conninfo("default"), is_pooled=DIRECT in connections.databases)


def direct() -> Address:
    """Return the address of Postgres itself."""
    return Address(_conninfo(direct_alias()))


def direct_alias() -> str:
    """Return the alias of Postgres itself in Django's DATABASES."""
    return DIRECT if DIRECT in connections.databases else "default"


def _conninfo(alias: str) -> str:
    parameters = connections[alias].get_connection_params()
    own = ("client_encoding", "prepare_threshold")
    return make_conninfo(
        **{key: str(value) for key, value in parameters.items() if isinstance(value, str | int) and key not in own}
    )
