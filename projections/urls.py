"""The URLs of the pages that show projections."""

from __future__ import annotations

from django.urls import path

from projections.views.agents import agents
from projections.views.projections import cancel_job, order, projection, projections
from projections.views.rebuild import rebuild
from projections.views.state.view import state
from projections.views.states import states

urlpatterns = [
    path("logs/<slug:log>/agents/", agents, name="agents"),
    path("logs/<slug:log>/projections/", projections, name="projections"),
    path("logs/<slug:log>/projections/<str:name>/", projection, name="projection"),
    path("logs/<slug:log>/projections/<str:name>/rebuild", rebuild, name="projection-rebuild"),
    path("logs/<slug:log>/projections/<str:name>/states", states, name="projection-states"),
    path("logs/<slug:log>/projections/<str:name>/state", state, name="projection-state"),
    path("logs/<slug:log>/projections/<str:name>/orders/<slug:order>", order, name="projection-order"),
    path("logs/<slug:log>/jobs/<int:pk>/cancel", cancel_job, name="job-cancel"),
]
