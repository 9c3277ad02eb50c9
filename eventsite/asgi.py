"""The ASGI application of a server: `LeanAPI` for the API and OTLP, Django for pages, Channels for websockets."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventsite.settings")
django: Any = get_asgi_application()  # loads the apps, which the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402

from events.api.otlp import exporters  # noqa: E402
from events.engine import Engine  # noqa: E402
from events.live.routing import websocket_urlpatterns  # noqa: E402
from eventsite import health, otlp, supervision  # noqa: E402
from eventsite.api import api  # noqa: E402
from eventsite.demo import live  # noqa: E402
from eventsite.gate import Gate  # noqa: E402
from eventsite.lean import LeanAPI  # noqa: E402
from eventsite.origins import SameOrigin  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DJANGO_PATHS = {"/api/docs", "/api/openapi.json"}
HEALTH_PATHS = {"/healthz", "/readyz"}
lean = LeanAPI(api)
lean_otlp = LeanAPI(otlp.api, otlp.PREFIX, refuse=otlp.refuse)
pages = Gate(django)


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    if path in HEALTH_PATHS:
        await health.application(scope, receive, send)
    elif path.startswith("/api/") and path not in DJANGO_PATHS:
        await lean(scope, receive, send)
    elif path.startswith(otlp.PREFIX):
        await lean_otlp(scope, receive, send)
    else:
        await pages(scope, receive, send)


def with_engine(application: Application) -> Application:
    """Run the engine for as long as the server runs. If the engine fails, the server logs the error and ends."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        await receive()
        async with Engine():
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await live.stop()
            await exporters.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    return wrapped


supervision.end_with_parent()
application = with_engine(
    ProtocolTypeRouter(
        {
            "http": http,
            "websocket": SameOrigin(CookieMiddleware(URLRouter(websocket_urlpatterns))),
        }
    )
)
