"""Websocket paths."""

from __future__ import annotations

from django.urls import path

from events.consumers import TimelineConsumer

websocket_urlpatterns = [path("ws/logs/<slug:log>/", TimelineConsumer.as_asgi())]
