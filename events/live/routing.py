"""Websocket paths."""

from __future__ import annotations

from django.urls import path

from events.live.consumer import LiveConsumer

websocket_urlpatterns = [path("ws/logs/<slug:log>/", LiveConsumer.as_asgi())]
