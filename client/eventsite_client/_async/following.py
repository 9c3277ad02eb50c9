"""Followers: the log as it grows, without end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from types import TracebackType

from eventsite_client._async.caller import AsyncCaller
from eventsite_client._async.io import AsyncMessages, sleep
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.following import Cursor
from eventsite_client.errors import EventsiteError, NoAnswer
from eventsite_client.types import Event

logger = logging.getLogger("eventsite_client")


class AsyncFollower(AsyncIterator[Event]):
    """The events of a query as they come. `AsyncClient.follow()` describes it."""

    def __init__(self, caller: AsyncCaller, cursor: Cursor) -> None:
        self._caller = caller
        self._cursor = cursor
        self._deadline: Deadline | None = None
        """The moment until which the server must have answered for the first time."""
        self._messages: AsyncMessages | None = None

    @property
    def position(self) -> int:
        """The place in the log: every event up to it was handed out, or does not fit.

        A follower that begins `after` it goes on from there.
        """
        return self._cursor.position

    def __aiter__(self) -> AsyncFollower:
        return self

    async def __anext__(self) -> Event:
        self._deadline = self._deadline or Deadline(self._caller._timeout)
        while (event := self._cursor.next_event()) is None:
            await self._receive(self._deadline)
        return event

    async def _receive(self, deadline: Deadline) -> None:
        """Wait for events, or after a break for a while. Until the deadline the server must have answered once."""
        try:
            await self._receive_message(None if self._cursor.has_begun else deadline)
        except EventsiteError as error:
            await self.aclose()
            pause = self._cursor.pause_after(error)
            if pause is None or not (self._cursor.has_begun or pause < deadline.left()):
                raise
            if self._cursor.has_to_warn():
                logger.warning("a follower waits for %s: %s", self._caller._connections.url, error)
            await sleep(pause)

    async def _receive_message(self, deadline: Deadline | None) -> None:
        """Wait for the next message of the stream, or for the answer of a long poll."""
        if self._cursor.polls:
            self._cursor.take_page(await self._caller._call(self._cursor.poll_request(), deadline))
            return
        if self._messages is None:
            # Half of the time is for a poll, if something between here and the server holds streams back.
            half = None if deadline is None else Deadline(deadline.left() / 2)
            self._messages = await self._caller._connections.open(self._cursor.stream_request(), half)
            self._cursor.has_begun = True
        message = await self._messages.next()
        if message is None:
            raise NoAnswer("The stream has ended.")
        self._cursor.take_message(message.event, message.data, message.id)

    async def aclose(self) -> None:
        """Close the connection. To iterate further opens another one, and goes on where this one was."""
        messages, self._messages = self._messages, None
        if messages is not None:
            await messages.close()

    async def __aenter__(self) -> AsyncFollower:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
