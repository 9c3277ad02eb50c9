"""Where everything is. The API's operations are served by `lean.py`; here are its docs."""

from __future__ import annotations

from django.urls import include, path

from eventsite.api import api
from eventsite.views import run_demo

handler500 = "eventsite.views.failed"
urlpatterns = [
    path("api/", api.urls),
    path("logs/<slug:log>/demo", run_demo, name="run-demo"),
    path("", include("events.urls")),
    path("", include("projections.urls")),
    path("", include("projections.replay.urls")),
]
