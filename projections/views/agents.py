"""The page of agents: the activity of each, its last event and its unfinished work."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Member
from events.pauses.refusals import refused_by
from events.reading import store
from events.views.page import log_page, show
from events.views.pauses import pauses_by_target
from projections.catalog.agents import agents as projection
from projections.materialise import checkpoints
from projections.views.agent_activity import MINUTES, presences
from projections.views.agent_runaways import runaways_of
from projections.views.forms import AgentsForm
from projections.views.other_formats import api_url

ROWS = 50
_MAX_NAMES = 1_000
_EMPTY_CONTEXT: dict[str, Any] = {
    "here": "agents", "minutes": MINUTES, "projection": projection, "prefix": "", "before": None,
    "names": [], "build": None, "agents": [], "has_more": False, "pauses": {}, "refusals": {}, "pauses_elsewhere": [],
    "runaways": [], "running_away": set(),
}  # fmt: skip
"""The context of a page whose form can't be read."""


@require_safe
@log_page()
def agents(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/agents/`: newest last event first. `?prefix=` begins their names; `?format=json` is the API."""
    if request.GET.get("format") == "json":
        return redirect(api_url(member, f"/{projection.name}/states"))
    form = AgentsForm(request.GET)
    context: dict[str, Any] = {**_EMPTY_CONTEXT, "form": form}
    if form.is_valid():
        context |= _listed(member, form.cleaned_data)
    status = 200 if form.is_valid() else 400
    template, partial = "projections/agents.html", "projections/_agents.html"
    return show(request, member, template=template, partial=partial, context=context, status=status)


def _listed(member: Member, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the context with the agents; with their names alone if their states are not built yet."""
    prefix, before = fields["prefix"], fields["before"]
    by_target = pauses_by_target(member.log_id)
    pauses = {target.name: pause for target, pause in by_target.items() if target.kind == "agent"}
    refusals, now = refused_by(member.log_id) if pauses else {}, timezone.now()
    context = {"prefix": prefix, "before": before, "pauses": pauses, "refusals": refusals, "now": now}
    build = next((each for each in checkpoints.progress(member.log, projection.name) if each.is_live), None)
    if build is None:
        seen = store.names_seen(member.log_id, "agent", prefix=prefix, limit=_MAX_NAMES).fetch()
        return {**context, "names": seen, "pauses_elsewhere": list(pauses.values())}
    rows = presences(member.log_id, prefix=prefix, before=before, limit=ROWS + 1, now=now)
    names = {row.name for row in rows[:ROWS]}
    runaways = runaways_of(member.log_id, rows[:ROWS], by_target)
    return {
        **context,
        "build": build,
        "agents": rows[:ROWS],
        "has_more": len(rows) > ROWS,
        "runaways": runaways,
        "running_away": {name for runaway in runaways for name in runaway.agents},
        "pauses_elsewhere": [pause for name, pause in pauses.items() if name not in names],
    }
