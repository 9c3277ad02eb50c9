"""The URLs of all pages, and of the API's documentation. (`lean.py` serves the API's operations.)"""

from __future__ import annotations

from django.urls import include, path

from eventsite.api import api
from eventsite.views import run_demo

handler500 = "eventsite.views.failed"
urlpatterns = [
    path("api/", api.urls),
    path("logs/<slug:log>/demo", run_demo, name="run-demo"),
    path("", include("events.urls")),
    path("", include("projections.dead_letters.urls")),
    path("", include("projections.urls")),
    path("", include("projections.replay.urls")),
]
