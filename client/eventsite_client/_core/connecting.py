"""The settings that both clients give to httpx2, and the errors of the client that its errors become."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx2

from eventsite_client._core.following import Silence
from eventsite_client._core.requests import Request
from eventsite_client._core.settings import __version__
from eventsite_client.errors import EventsiteError, NoAnswer, UnexpectedAnswer

Maker = TypeVar("Maker")

_SSE = "text/event-stream"


def checked_transport(transport: Maker) -> Maker:
    """Return what makes the transports of a client.

    Raises:
        TypeError: it is a transport itself. Two processes after a fork, or two event loops, would share its
            connections, and read each other's answers.
    """
    if transport is not None and not callable(transport):
        raise TypeError("`transport` is a function that makes a transport: `transport=lambda: HTTPTransport(…)`.")
    return transport


def headers_of(token: str) -> dict[str, str]:
    """Return the headers of all requests with a token."""
    return {"Authorization": f"Bearer {token}", "User-Agent": f"eventsite-client/{__version__}"}


def build(http: httpx2.Client | httpx2.AsyncClient, url: str, request: Request[Any], timeouts: Any) -> httpx2.Request:
    """Return a request as httpx2 sends it."""
    headers = {"Content-Type": "application/json", **request.headers} if request.body else request.headers
    extensions = {"timeout": timeouts}
    return http.build_request(
        request.method, url + request.path, content=request.body or None, headers=dict(headers), extensions=extensions
    )


def is_event_stream(answer: httpx2.Response) -> bool:
    """Return whether an answer brings server-sent events."""
    return answer.status_code == 200 and answer.headers.get("content-type", "").startswith(_SSE)


def failure_of(error: httpx2.RequestError, request: Request[Any]) -> EventsiteError:
    """Return the error for an exchange that broke. Raise it `from` the error of httpx2."""
    server = error.request.url.copy_with(path="/", query=None)
    reason = f"{server}: {str(error) or type(error).__name__}"
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.DecodingError):
        return UnexpectedAnswer(f"The exchange failed with {reason}", ids=request.ids)
    kind = Silence if isinstance(error, httpx2.ReadTimeout) else NoAnswer
    return kind(f"No answer from {reason}", ids=request.ids)


def too_late(request: Request[Any]) -> NoAnswer:
    """Return the error for an answer that was not there when the time was up."""
    return NoAnswer("The answer did not come in time.", ids=request.ids)
