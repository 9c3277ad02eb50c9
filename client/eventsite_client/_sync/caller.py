# Made by twin.py from `_async`: change that.
"""The base of the client: requests that are sent until they are answered, or the time is up."""

from __future__ import annotations

import copy
import functools
import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TypeVar, overload

from eventsite_client._background.log import BackgroundLog, WhenFull
from eventsite_client._background.spool import Spool
from eventsite_client._core import json
from eventsite_client._core.answers import read
from eventsite_client._core.connecting import checked_transport
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.requests import Request, address
from eventsite_client._core.retrying import Retrying
from eventsite_client._core.settings import TIMEOUT_SECONDS, address_of, checked_timeout, token_of
from eventsite_client._sync.io import Connections, Transport, in_thread, open_channel, sleep
from eventsite_client.errors import EventsiteError

logger = logging.getLogger("eventsite_client")

T = TypeVar("T")
C = TypeVar("C", bound="Caller")


class Caller:
    """The base of the clients: it sends requests, again if need be. `Client` has the methods for people."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        transport: Transport | None = None,
        spool: str | os.PathLike[str] | None = None,
        when_full: WhenFull = "block",
        log_bytes: int | None = None,
    ) -> None:
        address, secret = address_of(url), token_of(token)
        self._connections = Connections(address, secret, checked_transport(transport))
        self._timeout = checked_timeout(timeout)
        self._owns = True
        self._log = BackgroundLog(
            functools.partial(open_channel, self._apart()),
            spool=None if spool is None else Spool(spool, url=address, token=secret, most_bytes=log_bytes),
            when_full=when_full,
            most_bytes=log_bytes,
        )

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send what `log()` took, for five seconds at most, and close the connections."""
        if self._owns:
            in_thread(self._log.end)
            self._connections.close()

    def _apart(self: C) -> C:
        """Return this client on connections of its own, for another thread."""
        other = copy.copy(self)
        other._connections = self._connections.apart()
        return other

    def with_timeout(self: C, seconds: float) -> C:
        """Return this client with another timeout, on the same connections: `client.with_timeout(2).append(…)`.

        To close it closes nothing: the connections, and what `log()` took, are those of this client.
        """
        other = copy.copy(self)
        other._owns = False
        other._timeout = checked_timeout(seconds)
        return other

    @overload
    def request(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None, gives: type[T]
    ) -> T: ...
    @overload
    def request(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None, gives: None = None
    ) -> None: ...
    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        gives: type[Any] | None = None,
    ) -> Any:
        """Make any request of the API, and return its answer.

        It is sent again as those of the other methods are, so make only such requests that may be repeated.

        Args:
            path: what follows `/api`, such as `/leases`.
            body: anything that JSON can hold.
            params: parameters of the address. After a `wait`, the client waits so much longer for the answer.
            gives: the type of the answer, for msgspec to decode and to check. Without it, this returns None.
        """
        params = params or {}
        text = b"" if body is None else json.encode(body)
        wait = float(params.get("wait") or 0)
        answer = self._call(Request(method, address(path, params), gives or object, text, wait=wait))
        return None if gives is None else answer

    def _call(self, request: Request[T], deadline: Deadline | None = None, *, slack: float = 0.0) -> T:
        """Send a request until it is answered, until a deadline: by default, the client's timeout from now.

        An answer may come some seconds of `slack` after it: the server takes as long as a long poll asked for. After a
        second of failures, the log of this process says once what this waits for.

        Raises:
            EventsiteError: it was refused, or the last of the errors that pass by themselves when the time was up.
        """
        deadline = deadline or Deadline(self._timeout + request.wait)
        retrying = Retrying()
        while True:
            try:
                return self._call_once(request, deadline.later(slack))
            except EventsiteError as error:
                pause = retrying.pause_after(error)
                if pause is None or pause >= deadline.left():
                    raise
                if retrying.has_to_warn():
                    logger.warning("waiting for %s, %.0f s at most: %s", self._connections.url, deadline.left(), error)
            sleep(pause)

    def _call_once(self, request: Request[T], deadline: Deadline) -> T:
        return read(request, self._connections.send(request, deadline))
