"""Pages that show projections."""

from __future__ import annotations

from django.urls import path

from projections.views.replay import replay_page

urlpatterns = [
    # `position` is registered by events.urls, which eventsite.urls includes first.
    path("logs/<slug:log>/replay/stream/<path:name>/<position:step>", replay_page, {"kind": "stream"}, "replay-stream"),
    path("logs/<slug:log>/replay/<slug:kind>/<path:name>/<position:step>", replay_page, name="replay-of"),
    path("logs/<slug:log>/replay/<slug:kind>/<position:step>", replay_page, name="replay"),
]
