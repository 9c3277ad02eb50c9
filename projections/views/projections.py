"""The pages of projections: their status, and the orders that an operator gives."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from events.json.tree import TreeRow, tree_rows
from events.models import Member, Role
from events.views.page import log_page, show
from events.views.representation import format_of
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection
from projections.errors import NoSuchBuild
from projections.jobs import queue
from projections.materialise import checkpoints, lag, parked_keys
from projections.materialise.checkpoints import Progress
from projections.materialise.lag import Chart
from projections.materialise.parked_keys import Fault, ParkedKey, Selection
from projections.models import ACTIVE, Policy, Snapshot
from projections.values.exact_json import loads
from projections.views.other_formats import api_url, projection_md, projections_md

_MAX_COUNT = 10_000
_MAX_FAULTS = 20
_MAX_PARKED = 10
"""Most keys that are shown of each fault."""
_MAX_JOBS = 50
"""The newest jobs, among which the active ones are shown."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One projection in a log. `live` is the build that readers see, `beside` the one that is to take over."""

    projection: Projection
    live: Progress | None
    beside: Progress | None
    chart: Chart | None

    @property
    def word(self) -> str:
        """The status of the projection, by the names of the page's components."""
        if not self.projection.materialised:
            return "on demand"
        if self.beside and self.beside.state == "stalled":
            return "stalled"
        if self.live is None:
            return "not built" if self.beside is None else self.beside.state
        return self.live.state


@dataclass(frozen=True, slots=True)
class StuckKey:
    """A parked key with the rows of the state before its event."""

    parked: ParkedKey
    state: list[TreeRow]


@dataclass(frozen=True, slots=True)
class Group:
    """A fault with the first of the keys that it stopped."""

    fault: Fault
    keys: list[StuckKey]


@require_safe
@log_page()
def projections(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/projections/`; `?format=` as `events/views/representation.py` describes."""
    if (kind := format_of(request)) == "json":
        return redirect(api_url(member, ""))
    standings = _standings(member, list(registry.PROJECTIONS.values()))
    if kind == "md":
        return projections_md(member, standings)
    context = {
        "here": "projections",
        "standings": standings,
        "jobs": [job for job in queue.jobs_of_log(member.log_id, limit=_MAX_JOBS).fetch() if job.status in ACTIVE],
    }
    template, partial = "projections/projections.html", "projections/_projections.html"
    return show(request, member, template=template, partial=partial, context=context)


@require_safe
@log_page()
def projection(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/`; `?part=parked` its parked keys; `?format=` as for all."""
    shown_projection = registry.get(name)
    if (kind := format_of(request)) == "json":
        return redirect(api_url(member, f"/{name}"))
    [standing] = _standings(member, [shown_projection])
    groups = cache(lambda: _groups(member, standing))  # computed only for the parts that show them
    if kind == "md":
        return projection_md(member, standing, groups())
    context = {
        "here": "projections",
        "projection": shown_projection,
        "standing": standing,
        "builds": [build for build in (standing.live, standing.beside) if build],
        "states": _capped_count(checkpoints.live(member.log_id, name).values("key"))
        if shown_projection.materialised
        else None,
        "snapshots": _capped_count(Snapshot.objects.filter(log=member.log, projection=name).values("n")),
        "max_count": _MAX_COUNT,
        "groups_of": groups,
        "policies": Policy.choices,
        "reads": sorted(shown_projection.handlers),
        "fingerprint": fingerprint(shown_projection),
        "source": _source(shown_projection),
    }
    part = "parked" if request.GET.get("part") == "parked" else "projection"
    template, partial = "projections/projection.html", f"projections/_{part}.html"
    return show(request, member, template=template, partial=partial, context=context)


@require_POST
@log_page(Role.OPERATOR)
def order(request: HttpRequest, member: Member, name: str, order: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/orders/<order>`: an order to the runner. It leads back to the projection."""
    ordered_projection = registry.get(name)
    try:
        message = _ORDERS[order](member.log_id, ordered_projection, request)
    except (NoSuchBuild, KeyError, ValueError) as error:
        messages.warning(request, str(error) if isinstance(error, NoSuchBuild) else "There is no such action.")
    else:
        messages.success(request, message)
    return redirect("projection", member.log.name, name)


@require_POST
@log_page(Role.OPERATOR)
def cancel_job(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """`/logs/<log>/jobs/<pk>/cancel`: the job ends at its next report. It leads back to the projections."""
    queue.cancel(member.log_id, pk)
    messages.success(request, "The job ends as soon as it can.")
    return redirect("projections", member.log.name)


def _standings(member: Member, shown_projections: Sequence[Projection]) -> list[Standing]:
    builds = checkpoints.progress(member.log)
    chart_of = lag.charts(member.log_id, now=timezone.now())

    def standing(each: Projection) -> Standing:
        own_builds = [build for build in builds if build.projection == each.name]
        live = next((build for build in own_builds if build.is_live), None)
        beside = next((build for build in own_builds if not build.is_live), None)
        return Standing(each, live, beside, chart_of.get(each.name))

    return [standing(each) for each in shown_projections]


def _groups(member: Member, standing: Standing) -> list[Group]:
    if standing.live is None or not standing.live.parked:
        return []
    build = member.log_id, standing.projection.name, standing.live.build
    initial = standing.projection.initial

    def stuck_keys(fault: Fault) -> list[StuckKey]:
        rows = parked_keys.parked(*build, selection=Selection(kind=fault.kind, place=fault.place), limit=_MAX_PARKED)
        return [StuckKey(key, tree_rows(initial if key.state is None else loads(key.state))) for key in rows]

    return [Group(fault, stuck_keys(fault)) for fault in parked_keys.faults(*build)[:_MAX_FAULTS]]


def _capped_count(rows: QuerySet[Any, Any]) -> int:
    """Return the number of rows, at most one more than `_MAX_COUNT`."""
    return rows[: _MAX_COUNT + 1].count()


def _source(projection: Projection) -> str:
    module = sys.modules.get(projection.module or "")
    try:
        return inspect.getsource(module) if module else ""
    except OSError:
        return ""


def _build(request: HttpRequest) -> int:
    return int(request.POST["build"])


def _pause(log_id: int, projection: Projection, request: HttpRequest) -> str:
    checkpoints.pause(log_id, projection.name, _build(request))
    return "The projection is paused: its states stand still until somebody resumes it."


def _resume(log_id: int, projection: Projection, request: HttpRequest) -> str:
    checkpoints.resume(log_id, projection.name, _build(request))
    return "The projection goes on where it paused."


def _retry(log_id: int, projection: Projection, request: HttpRequest) -> str:
    checkpoints.retry(log_id, projection.name, _build(request))
    return "The runner will retry the event at which the projection stopped."


def _skip(log_id: int, projection: Projection, request: HttpRequest) -> str:
    checkpoints.skip(log_id, projection.name, _build(request))
    return "The runner will skip the event at which the projection stopped."


def _selection(request: HttpRequest) -> Selection:
    fields = request.POST
    return Selection(fields.get("key"), fields.get("kind"), fields.get("place"))


def _retry_parked(log_id: int, projection: Projection, request: HttpRequest) -> str:
    keys = parked_keys.retry(log_id, projection.name, _build(request), selection=_selection(request))
    return f"The runner will retry {_keys(keys)}."


def _skip_parked(log_id: int, projection: Projection, request: HttpRequest) -> str:
    keys = parked_keys.skip(log_id, projection.name, _build(request), selection=_selection(request))
    return f"The runner will skip the events that parked {_keys(keys)}."


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count:,} keys"


def _rebuild(log_id: int, projection: Projection, request: HttpRequest) -> str:
    if not projection.materialised:
        raise NoSuchBuild(f"{projection.name} is folded on demand: there is nothing to rebuild.")
    checkpoints.rebuild(log_id, projection)
    return "A new build begins beside the live one, and replaces it when it has caught up."


def _cancel(log_id: int, projection: Projection, request: HttpRequest) -> str:
    checkpoints.cancel(log_id, projection.name)
    return "The new build is cancelled; readers still see the live one."


def _change_policy(log_id: int, projection: Projection, request: HttpRequest) -> str:
    policy = request.POST["policy"]
    checkpoints.set_policy(log_id, projection.name, Policy(policy) if policy else None)
    return f"The policy for errors is now {policy or projection.policy}."


_ORDERS: dict[str, Callable[[int, Projection, HttpRequest], str]] = {
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "skip": _skip,
    "retry-parked": _retry_parked,
    "skip-parked": _skip_parked,
    "rebuild": _rebuild,
    "cancel": _cancel,
    "policy": _change_policy,
}
