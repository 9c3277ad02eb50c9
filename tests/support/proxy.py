"""A proxy between a writer and Postgres that loses data at a chosen moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Cut(Enum):
    """What happens to the statement that carries the marked bytes."""

    BEFORE_COMMIT = auto()
    """The statement never reaches the server."""
    BEFORE_ANSWER = auto()
    """The server executes the statement; its answer is lost."""


class Proxy:
    """A Unix socket beside the real one. It passes all data on until it is told to cut or to stall."""

    def __init__(self, conninfo: str, directory: Path) -> None:
        parts = conninfo_to_dict(conninfo)
        port = parts.get("port") or 5432
        self._server_socket = f"{parts['host']}/.s.PGSQL.{port}"
        self._own_socket = str(directory / f".s.PGSQL.{port}")
        self.conninfo = make_conninfo(conninfo, host=str(directory))
        self.cuts: dict[bytes, Cut] = {}
        """Cuts by the bytes that a statement carries; each cuts once."""
        self.open = asyncio.Event()
        """Cleared, the proxy passes nothing on."""
        self.open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, self._own_socket, limit=2**24)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            from_server, to_server = await asyncio.open_unix_connection(self._server_socket)
            lose_answers = asyncio.Event()

            async def requests() -> None:
                while data := await reader.read(2**20):
                    await self.open.wait()
                    if cut := self._cut(data):
                        if cut is Cut.BEFORE_COMMIT:
                            return
                        lose_answers.set()
                    to_server.write(data)
                    await to_server.drain()

            async def answers() -> None:
                while answer := await from_server.read(2**20):
                    await self.open.wait()
                    if lose_answers.is_set():
                        return
                    writer.write(answer)
                    await writer.drain()

            directions = [asyncio.create_task(requests()), asyncio.create_task(answers())]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
                to_server.close()

    def _cut(self, data: bytes) -> Cut | None:
        marked = next((marker for marker in self.cuts if marker in data), None)
        return self.cuts.pop(marked) if marked else None

    async def cut_all(self) -> None:
        """Drop every connection."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(conninfo: str) -> AsyncIterator[Proxy]:
    with TemporaryDirectory(prefix="eventsite-proxy-") as directory:
        proxy = Proxy(conninfo, Path(directory))
        server = await proxy.start()
        try:
            yield proxy
        finally:
            server.close()
            await asyncio.sleep(0.01)  # a connection that was accepted a moment ago is served, and so can be cut
            await proxy.cut_all()
