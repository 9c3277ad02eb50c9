"""The backend that `ENGINE` names. (Django looks for it under this file's name.)"""

from __future__ import annotations

from typing import Any, cast

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

from events.sessions import has_received


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection of a thread."""

    pool: ConnectionPool[Connection[Any]] | None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Return a connection: if there is a pool, one of it that the server has not ended.

        A failover ends all of them: they are given back one after another, without a pause. (The check that psycopg's
        pool offers pauses for one second after the first that has ended, for two after the next: seven for a page.)
        """
        if self.pool is not None:
            for _ in range(self.pool.max_size):
                connection = self._connection(conn_params)
                try:
                    if has_received(connection):
                        self.pool.check_connection(connection)
                except OperationalError:
                    self.pool.putconn(connection)
                except BaseException:
                    self.pool.putconn(connection)
                    raise
                else:
                    return connection
        return self._connection(conn_params)

    def _connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        return cast("Connection[Any]", super().get_new_connection(conn_params))
