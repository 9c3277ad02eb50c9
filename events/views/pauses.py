"""The pages that pause an agent or a workflow, and resume it: a form of their own, or a dialog over another page."""

from __future__ import annotations

from collections.abc import Mapping

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from events import engine
from events.appending.checks import check_name
from events.converters import workflow_url
from events.errors import NotFound
from events.models import Lease, Member, Role, Token
from events.pauses import pausing, reads
from events.pauses.target import Kind, Pause, Target
from events.views.forms import ReasonForm
from events.views.page import log_page, show

_KINDS: tuple[Kind, ...] = ("agent", "workflow")


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def pause(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/pause?agent=…` or `?workflow=…`: a POST pauses it, and leads back to its page."""
    return _change(request, member, pauses=True)


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def resume(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/resume?agent=…` or `?workflow=…`: a POST resumes it, and leads back to its page."""
    return _change(request, member, pauses=False)


def pauses_by_target(log_id: int) -> Mapping[Target, Pause]:
    """Return the pauses that hold in a log by what is paused, the last one first."""
    return {pause.target: pause for pause in reads.pauses(log_id).fetch()}


def _change(request: HttpRequest, member: Member, *, pauses: bool) -> HttpResponse:
    target = _target(request.GET)
    back = reverse("agents", args=[member.log.name])
    if target.kind == "workflow":
        back = workflow_url(member.log.name, target.name)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.success(request, _done(member, target, form.cleaned_data["reason"], pauses=pauses))
        return redirect(back)
    context = {
        "here": f"{target.kind}s",
        "target": target,
        "pauses": pauses,
        "current": pauses_by_target(member.log_id).get(target),
        "leases": _leases(member.log_id, target),
        "tokens": Token.objects.filter(log=member.log, agent=target.name, revoked_at=None).count(),
        "form": form,
        "back": back,
    }
    template, partial = "events/pause.html", "events/_pause.html"
    status = 400 if form.errors else 200
    return show(request, member, template=template, partial=partial, context=context, status=status)


def _leases(log_id: int, target: Target) -> int:
    """Return the number of leases that a pause of the target ends."""
    of_target = Q(holder=target.name) if target.kind == "agent" else Q(kind="workflow", name=target.name)
    return Lease.objects.filter(of_target, log=log_id, expires_at__gt=Now()).count()


def _target(query: QueryDict) -> Target:
    """Return the agent or the workflow that an address names.

    Raises:
        NotFound: it names neither.
        Invalid: nothing can have this name.
    """
    for kind in _KINDS:
        if names := query.getlist(kind):
            return Target(kind, check_name(names[-1], kind))
    raise NotFound("This address names neither an agent nor a workflow.")


def _done(member: Member, target: Target, reason: str, *, pauses: bool) -> str:
    """Pause or resume, and return the result in words."""
    change = pausing.pause if pauses else pausing.resume
    by = member.user.get_username()
    writer = engine.current().writer
    done = async_to_sync(change)(writer, member.log_id, target, reason=reason, by=by)
    if done.position is None:
        result = "is not paused"
    else:
        state = "paused" if pauses else "resumed"
        result = f"{'is' if done.fresh else 'was already'} {state} since #{done.position:,}"
    return f"The {target.kind} {target.name} {result}."
