"""The page of one subscription: why nothing comes, what is in flight, which keys wait, who takes, its settings."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Member
from events.subscriptions.errors import NoSuchSubscription
from events.views.page import log_page, show
from events.views.representation import format_of
from events.views.subscriptions.detail import FEW_ROWS, MAX_ROWS, Detail, detail_of
from events.views.subscriptions.listing import SEEN, rows_of, version_of
from events.views.subscriptions.markdown import subscription_md
from events.views.subscriptions.shared_read import SharedRead

_details: SharedRead[Detail | None] = SharedRead()


@require_safe
@log_page()
def subscription(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>`; with `?all=1` its tables have more rows. `?format=` as for all.

    A page that is open asks again with the header `X-Seen`.
    """
    kind = format_of(request)
    if kind == "json":
        return redirect(f"/api/subscriptions/{quote(name)}?{urlencode({'log': member.log.name})}")
    seen = request.headers.get(SEEN)
    limit = MAX_ROWS if request.GET.get("all") else FEW_ROWS
    key = member.log_id, name, limit
    detail = _details.get(key, lambda: detail_of(member.log_id, name, limit=limit), is_new=seen is None)
    if detail is None:
        if seen is None:
            raise NoSuchSubscription(f"There is no subscription {name!r}.")
        return show(request, member, template="events/_subscription_ended.html", context={"name": name})
    if seen == (version := version_of(detail)):
        return HttpResponse(status=204)
    [row] = rows_of([detail.overview])
    if kind == "md":
        return subscription_md(member, row, detail)
    now = timezone.now()
    context = {
        "here": "subscriptions",
        "row": row,
        "detail": detail,
        "seen": version,
        "now": now,
        "late": now - timedelta(seconds=detail.overview.status.settings.ack_deadline),
        "is_whole": limit == MAX_ROWS,
    }
    template, partial = "events/subscription.html", "events/_subscription.html"
    return show(request, member, template=template, partial=partial, context=context)
