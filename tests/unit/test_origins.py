"""Only pages of the same scheme, host and port, or of a trusted origin, can open a websocket."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from eventsite.origins import SameOrigin


async def is_let_in(origin: str | None, *, host: str = "127.0.0.1:8000", scheme: str = "ws") -> bool:
    reached: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(True)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        assert message == {"type": "websocket.close"}

    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "websocket", "scheme": scheme, "path": "/ws/logs/x/", "headers": headers}
    await SameOrigin(application)(scope, receive, send)
    return bool(reached)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "ws"),
        ("http://localhost", "localhost", "ws"),
        ("http://localhost:80", "localhost", "ws"),
        ("https://localhost", "localhost:443", "wss"),
        ("http://[::1]:8000", "[::1]:8000", "ws"),
        ("HTTP://LocalHost:8000", "localhost:8000", "ws"),
    ],
)
async def test_a_page_of_the_same_origin_is_let_in(origin: str, host: str, scheme: str) -> None:
    assert await is_let_in(origin, host=host, scheme=scheme)


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:9999",
        "http://localhost:3000",
        "http://localhost:8000",
        "http://127.0.0.1",
        "https://127.0.0.1:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example:8000",
        "file://",
        "null",
        "",
        "http://127.0.0.1:port",
        "http://[",
        None,
    ],
)
async def test_another_page_is_refused(origin: str | None) -> None:
    assert not await is_let_in(origin)


async def test_a_host_that_is_not_served_here_is_refused() -> None:
    assert not await is_let_in("http://evil.example", host="evil.example")


@pytest.mark.parametrize(
    ("origin", "is_trusted"),
    [
        ("https://events.example.com", True),
        ("https://events.example.com:8443", False),
        ("http://events.example.com", False),
        ("https://a.example.org", True),
        ("https://example.org", True),
        ("https://aexample.org", False),
        ("http://127.0.0.1:9999", False),
    ],
)
async def test_a_trusted_origin_is_let_in(settings: Settings, origin: str, *, is_trusted: bool) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://events.example.com", "https://*.example.org"]
    assert await is_let_in(origin) is is_trusted
