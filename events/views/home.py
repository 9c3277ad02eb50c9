"""The page `/`, which lists the person's logs."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from events.models import Member


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """`/`: the logs of which the person is a member, or the timeline of the only one."""
    members = list(Member.objects.filter(user=request.user.pk).select_related("log__end").order_by("log__name"))
    if len(members) == 1:
        return redirect("timeline", members[0].log.name)
    return render(request, "events/home.html", {"members": members})
