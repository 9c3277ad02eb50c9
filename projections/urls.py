"""Pages that show projections."""

from __future__ import annotations

from django.urls import path

from projections.views.replay import replay_stream_page

urlpatterns = [
    # `position` is registered by events.urls, which eventsite.urls includes first.
    path("logs/<slug:log>/replay/stream/<path:name>/<position:step>", replay_stream_page, name="replay-stream"),
]
