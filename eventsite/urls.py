"""Where everything is. The API's operations are served by `lean.py`; here are its docs."""

from __future__ import annotations

from django.urls import include, path

from eventsite.api import api

urlpatterns = [
    path("api/", api.urls),
    path("", include("events.urls")),
    path("", include("projections.urls")),
]
