"""The headers of every response: the policy for the files that a page may load, and the order not to cache it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from events.api.responses import NO_STORE

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)


class _Header:
    """Adds a header to each response that does not have it. It needs no thread hop in either kind of stack."""

    name: ClassVar[str]
    value: ClassVar[str]
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer = self._get_response(request)
        return self._with_header(answer) if isinstance(answer, HttpResponseBase) else self._with_header_later(answer)

    def _with_header(self, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault(self.name, self.value)
        return response

    async def _with_header_later(self, answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return self._with_header(await answer)


class ContentSecurityPolicy(_Header):
    """The header that allows the server's own files only: no inline script, no inline style, no frames."""

    name = "Content-Security-Policy"
    value = POLICY


class PrivatePages(_Header):
    """The header that forbids caches: pages show content for members only, which may be redacted later."""

    name = "Cache-Control"
    value = NO_STORE
