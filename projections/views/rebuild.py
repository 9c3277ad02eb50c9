"""The page before a rebuild, which tries on a few keys what the rebuild would change."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from events.digits import whole_number
from events.errors import NotFound
from events.models import Member, Role
from events.reading.db_work import run
from events.views.page import log_page, show
from projections import registry
from projections.jobs import dry_run, queue
from projections.materialise import checkpoints
from projections.models import Job


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def rebuild(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/rebuild`; a POST starts a dry run, `?job=` shows its result."""
    projection = registry.get(name)
    if not projection.materialised:
        raise NotFound(f"{name} is folded on demand: there is nothing to rebuild.")
    if request.method == "POST":
        job = run(dry_run.ensure_dry_run(member.log_id, projection, asker=member.asker))
        return redirect(f"{request.path}?job={job.id}")
    builds = checkpoints.progress(member.log, name)
    context = {
        "here": "projections",
        "projection": projection,
        "live": next((build for build in builds if build.is_live), None),
        "beside": next((build for build in builds if not build.is_live), None),
        "job": _job(request, member),
    }
    template, partial = "projections/rebuild.html", "projections/_rebuild.html"
    return show(request, member, template=template, partial=partial, context=context)


def _job(request: HttpRequest, member: Member) -> Job | None:
    job_id = whole_number(request.GET.get("job", ""))
    job = None if job_id is None else queue.job_by_id(member.log_id, job_id).first()
    return job if job and job.kind == dry_run.DRY_RUN else None
