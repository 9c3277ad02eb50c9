"""The HTTP/1.1 of uvicorn with four additions.

Half-sent requests have a time limit. Streams learn that the server ends, and see if a client's buffer is full. An
answer that hands something over sees if its client has gone, also while that was not read yet.
"""

from __future__ import annotations

import asyncio
import select

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FLOW = "eventsite.flow"
"""The extension in a request's scope that tells if the client's buffer is full (`write_paused`)."""
HAS_GONE = "eventsite.has_gone"
"""The extension in a request's scope that tells if its client has closed the connection: a function."""
HEAD_SECONDS = 10.0
"""The time within which the head of a request has to arrive."""
_CLOSED = getattr(select, "POLLRDHUP", select.POLLHUP)
"""The client has closed its half of the connection; systems without such a signal tell when both halves are closed."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Protocol(HttpToolsProtocol):
    _head: asyncio.TimerHandle | None = None
    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {FLOW: self.flow, HAS_GONE: self.has_gone}  # type: ignore[dict-item]
        self._begun = True
        if self._head is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def has_gone(self) -> bool:
        """Return whether the client has closed the connection, even if this process has not read that yet."""
        if self.transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), _CLOSED)
        return bool(poll.poll(0))

    def shutdown(self) -> None:
        """End long polls and streams when the server ends, as they would not end by themselves."""
        from events import engine  # needs Django's apps, which a worker loads after this module

        engine.current().end_waits()
        super().shutdown()

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget_head(self) -> None:
        self._begun = False
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        is_answering = not getattr(self.cycle, "response_complete", True)  # there is no cycle before the first request
        if is_answering:
            self._expect_head()
            return
        if self._begun:
            self.transport.write(TOO_SLOW)
        self.transport.close()
