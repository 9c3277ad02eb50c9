"""Consumers of a subscription over HTTP, in a process of their own. Without Django."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import uvloop

from tests.benchmarks.consuming.timing import Consumer, delays, rate
from tests.benchmarks.load import post


@dataclass(frozen=True, slots=True)
class Consumption:
    """Consumers of a subscription at a server, each on a connection of its own."""

    port: int
    token: str
    subscription: str
    consumers: int
    batch: int
    most: int


class Connection:
    """One connection to a server, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader = reader
        self._writer = writer
        self._token = token

    @classmethod
    async def open(cls, port: int, token: str) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24), token)

    async def post(self, path: str, body: object) -> Any:
        """Send a body; return the one of the answer."""
        self._writer.write(post(path, orjson.dumps(body), token=self._token))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 20"), answer
        return orjson.loads(answer)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class HttpConsumer(Consumer[dict[str, Any]]):
    """Takes up to `batch` events at once."""

    def __init__(self, connection: Connection, subscription: str, name: str, batch: int) -> None:
        self._connection = connection
        self._path = f"/api/subscriptions/{subscription}"
        self._name = name
        self._batch = batch

    async def take(self) -> Sequence[dict[str, Any]]:
        body = {"consumer": self._name, "limit": self._batch, "wait": 1}
        answer = await self._connection.post(f"{self._path}/take", body)
        return list(answer["deliveries"])

    async def settle(self, deliveries: Sequence[dict[str, Any]]) -> None:
        settlements = [{"delivery": each["delivery"], "outcome": "ack"} for each in deliveries]
        body = {"consumer": self._name, "settlements": settlements}
        answer = await self._connection.post(f"{self._path}/settle", body)
        assert all(each["result"] == "settled" for each in answer["results"])


def http_rate(consumption: Consumption) -> float:
    """Events a second. It runs in the process that makes load."""
    return uvloop.run(_rate(consumption))


def http_delays(consumption: Consumption) -> list[float]:
    """The seconds until each event is delivered to one consumer, whose data says when it was sent."""
    return uvloop.run(_delays(consumption))


async def _rate(work: Consumption) -> float:
    connections = [await Connection.open(work.port, work.token) for _ in range(work.consumers)]
    turns = [
        HttpConsumer(connection, work.subscription, f"consumer-{number}", work.batch).turn
        for number, connection in enumerate(connections)
    ]
    events = await rate(turns, most=work.most)
    for connection in connections:
        await connection.close()
    return events


async def _delays(work: Consumption) -> list[float]:
    connection = await Connection.open(work.port, work.token)
    consumer = HttpConsumer(connection, work.subscription, "consumer", work.batch)
    seconds = await delays(consumer, lambda each: float(each["event"]["data"]["sent"]), work.most)
    await connection.close()
    return seconds
