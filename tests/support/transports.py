"""A transport between a client and a server, for both kinds of clients, whose requests and answers a test changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

Hook = Callable[[httpx2.Request], httpx2.Response | None]


class Through(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Asks `hook` about each request: it answers, raises, or returns None to let the server answer."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._sync = httpx2.HTTPTransport()
        self._async = httpx2.AsyncHTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._hook(request) or self._sync.handle_request(request)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._hook(request) or await self._async.handle_async_request(request)

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()


class Behind(Through):
    """Shows each answer of the server to `hook`, which changes it, or raises."""

    def __init__(self, hook: Callable[[httpx2.Request, httpx2.Response], httpx2.Response]) -> None:
        super().__init__(lambda request: None)
        self._change = hook

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._change(request, super().handle_request(request))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._change(request, await super().handle_async_request(request))


class Scripted(httpx2.MockTransport):
    """Gives one answer after the other; the last one again and again. An exception is raised."""

    def __init__(self, *answers: httpx2.Response | Exception | dict[str, Any]) -> None:
        super().__init__(self._answer)
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict):
            return httpx2.Response(200, json=answer)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def problem(code: str, status: int, *, retry_after: int | None = None, **members: Any) -> httpx2.Response:
    """Return a problem as the server answers it."""
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = {"type": f"urn:eventsite:{code}", "title": "", "status": status, "detail": "why", "code": code, **members}
    return httpx2.Response(status, headers=headers, json=body)


class Lines(httpx2.MockTransport):
    """Takes lines as the server does. `refusal` returns the code with which an event is refused, or None."""

    def __init__(self, refusal: Callable[[dict[str, Any]], str | None] = lambda event: None) -> None:
        super().__init__(self._answer)
        self.refusal = refusal
        self.taken: list[dict[str, Any]] = []
        self.requests = 0

    @property
    def data(self) -> list[Any]:
        """The data of the events that were taken, in order."""
        return [event["data"] for event in self.taken]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        events = [json.loads(line) for line in request.content.splitlines()]
        ids = {event["id"] for event in self.taken}
        errors = []
        for number, event in enumerate(events, 1):
            if code := self.refusal(event):
                errors.append({"line": number, "code": code, "detail": "why"})
            elif event["id"] not in ids:
                self.taken.append(event)
        counts = {"appended": len(events) - len(errors), "replayed": 0, "failed": len(errors)}
        return httpx2.Response(200, json={**counts, "errors": errors[:100]})
