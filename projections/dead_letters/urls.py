"""The URLs of the pages of dead letters."""

from __future__ import annotations

from django.urls import path

from projections.dead_letters.views.dead_letter import dead_letter
from projections.dead_letters.views.dead_letters import dead_letters
from projections.dead_letters.views.decide import cancel, decide

urlpatterns = [
    path("logs/<slug:log>/dead-letters/", dead_letters, name="dead-letters"),
    path("logs/<slug:log>/dead-letters/decide", decide, name="dead-letters-decide"),
    path("logs/<slug:log>/dead-letters/jobs/<int:pk>/cancel", cancel, name="dead-letters-cancel"),
    path("logs/<slug:log>/dead-letters/<slug:subscription>:<position:position>", dead_letter, name="dead-letter"),
]
