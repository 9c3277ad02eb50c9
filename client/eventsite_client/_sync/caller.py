"""The base of the client: requests that are sent until they are answered, or the time is up."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2

from eventsite_client._core import json
from eventsite_client._core.answers import read
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.requests import Request, get
from eventsite_client._core.retrying import Retrying
from eventsite_client._core.settings import TIMEOUT_SECONDS, address_of, checked_timeout, token_of
from eventsite_client._sync.io import Connections, sleep
from eventsite_client.errors import EventsiteError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

T = TypeVar("T")


class Caller:
    """What sends requests. `Client` has the methods for people."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._connections = Connections(address_of(url), token_of(token), transport)
        self._timeout = checked_timeout(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def with_timeout(self, seconds: float) -> Self:
        """Return this client with another timeout, on the same connections: `client.with_timeout(2).append(…)`."""
        other = copy.copy(self)
        other._timeout = checked_timeout(seconds)
        return other

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: dict[str, Any] | None = None,
        gives: type[T],
    ) -> T:
        """Make any request of the API, and return its answer.

        It is sent again as those of the other methods are, so make only such requests that may be repeated.

        Args:
            path: what follows `/api`, such as `/leases`.
            body: anything that JSON can hold.
            gives: the type of the answer, for msgspec to decode and to check.
        """
        address = get(path, gives, **(params or {})).path
        return self._call(Request(method, address, gives, b"" if body is None else json.encode(body)))

    def _call(self, request: Request[T]) -> T:
        """Send a request until it is answered.

        Raises:
            EventsiteError: it was refused, or the last of the errors that pass by themselves when the time was up.
        """
        deadline = Deadline(self._timeout + request.wait)
        retrying = Retrying()
        while True:
            try:
                return read(request, self._connections.send(request, deadline))
            except EventsiteError as error:
                pause = retrying.pause_after(error)
                if pause is None or pause >= deadline.left():
                    raise
            sleep(pause)
