"""The URLs of the replay debugger's pages. The place of the step is the end of the path."""

from __future__ import annotations

from django.urls import path

from projections.replay.views.page import replay_page
from projections.replay.views.seek import cancel_seek

urlpatterns = [
    # `position` is registered by events.urls, which eventsite.urls includes first.
    path(
        "logs/<slug:log>/replay/stream/<path:name>/<position:place>",
        replay_page,
        {"kind": "stream"},
        name="replay-stream",
    ),
    path("logs/<slug:log>/replay/<slug:kind>/<path:name>/<position:place>", replay_page, name="replay-of"),
    path("logs/<slug:log>/replay/<slug:kind>/<position:place>", replay_page, name="replay"),
    path("logs/<slug:log>/seeks/<int:pk>/cancel", cancel_seek, name="seek-cancel"),
]
