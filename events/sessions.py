"""How Eventsite's own connections begin, beside Django's: where they lead, and with which settings.

Where a pooler stands before Postgres (PgBouncer in transaction mode), most go through it. What needs a session of its
own goes past it: LISTEN, and locks that are held longer than a transaction.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from django.db import connections
from psycopg import AsyncClientCursor, AsyncConnection, AsyncCursor
from psycopg.abc import Params, Query
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

DIRECT = "direct"
"""The alias of Postgres itself, where `default` is a pooler."""

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[Any]]
Settings = Mapping[str, str]
_NOTHING: Settings = MappingProxyType({})


class Lent(AsyncConnection[Any]):
    """A connection through a pooler: each transaction runs in whatever session of Postgres is free.

    Nothing can be left in a session, so no statement is prepared, and the settings go along with each statement, as one
    text: they end with its transaction.
    """

    settings: Settings = _NOTHING

    async def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> AsyncCursor[Any]:
        """Execute a statement. `prepare` and `binary`, which the same code asks of other connections, can't be."""
        assert isinstance(query, str)
        if not self.settings:
            return await AsyncClientCursor(self).execute(query, params)
        settings = ", ".join([f"set_config('{name}', '{value}', true)" for name, value in self.settings.items()])
        cursor = await AsyncClientCursor(self).execute(f"select {settings}; {query}", params)
        cursor.nextset()
        return cursor

    async def begin(self, settings: Settings) -> None:
        """Settings for all statements to come. Of what a session keeps, PgBouncer gives this along to the next one."""
        await self.execute("set timezone to 'UTC'")
        self.settings = {"jit": "off", **settings}


async def change(connection: AsyncConnection[Any], settings: Settings) -> None:
    """Change settings for the statements to come."""
    if isinstance(connection, Lent):
        connection.settings = {**connection.settings, **settings}
    else:
        for name, value in settings.items():
            await connection.execute("select set_config(%s, %s, false)", [name, value])


async def check(connection: AsyncConnection[Any]) -> None:
    """Raise where the server has ended an idle session: its pool then lends another one.

    An idle session is sent nothing. So a look at the socket, which takes 2 µs, tells whether asking the server is
    needed, which takes a fifth of a millisecond of the processor: as much as a read of one event.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if socket.poll(0):
        await AsyncConnectionPool.check_connection(connection)


@dataclass(frozen=True, slots=True)
class Address:
    """A database as libpq names it. What it asks for, its `options` too, holds for every session."""

    conninfo: str
    is_pooled: bool = False

    def session(self, name: str, settings: Settings = _NOTHING) -> str:
        """The conninfo of a session with a name, which Postgres shows, and settings of its own."""
        given = conninfo_to_dict(self.conninfo)
        options = [f"-c {setting}={value}" for setting, value in settings.items()]
        return make_conninfo(
            self._named(name), options=" ".join([str(given.get("options", "")), *options]).strip() or None
        )

    async def connect(self, name: str, settings: Settings = _NOTHING, **parameters: Any) -> AsyncConnection[Any]:
        """A connection where every statement is a transaction."""
        if not self.is_pooled:
            return await AsyncConnection.connect(self.session(name, settings), autocommit=True, **parameters)
        lent = await Lent.connect(self._named(name), autocommit=True, **parameters)
        try:
            await lent.begin(settings)
        except BaseException:
            await lent.close()
            raise
        return lent

    def pool(
        self,
        name: str,
        settings: Settings,
        pool_class: type[Pool] = AsyncConnectionPool,
        *,
        min_size: int,
        max_size: int,
        timeout: float,
        is_checked: bool = True,
    ) -> Pool:
        """A pool of such connections, not yet open. With `is_checked`, it lends none that the server has ended."""

        async def begin(connection: AsyncConnection[Any]) -> None:
            assert isinstance(connection, Lent)
            await connection.begin(settings)

        return pool_class(
            self._named(name) if self.is_pooled else self.session(name, settings),
            connection_class=Lent if self.is_pooled else AsyncConnection,
            configure=begin if self.is_pooled else None,
            check=check if is_checked else None,
            kwargs={"autocommit": True},
            open=False,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
        )

    def _named(self, name: str) -> str:
        given = conninfo_to_dict(self.conninfo)
        return make_conninfo(self.conninfo, application_name=f"{given.get('application_name', 'eventsite')} {name}")


def address() -> Address:
    """Where pages go, too: the pooler's, or that of Postgres itself."""
    return Address(_conninfo("default"), is_pooled=DIRECT in connections.databases)


def direct() -> Address:
    """That of Postgres itself."""
    return Address(_conninfo(direct_alias()))


def direct_alias() -> str:
    """Under which name Django has Postgres itself."""
    return DIRECT if DIRECT in connections.databases else "default"


def _conninfo(alias: str) -> str:
    parameters = connections[alias].get_connection_params()
    own = ("client_encoding", "prepare_threshold")
    return make_conninfo(
        **{key: str(value) for key, value in parameters.items() if isinstance(value, str | int) and key not in own}
    )
