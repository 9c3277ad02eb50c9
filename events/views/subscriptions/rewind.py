"""The page that rewinds a subscription: first it counts what that would do, then it does it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from events import engine
from events.models import Member, Role
from events.subscriptions.orders import Order
from events.subscriptions.rewinding import Rewound, rewind
from events.subscriptions.unsettled import holders
from events.views.forms import RewindForm
from events.views.page import log_page, show
from events.views.subscriptions.orders import existing, order_of

FRESH_SECONDS = 60.0
"""A dry run that is older must be repeated: what it counted may be another number by now."""


_HOLDERS = 4


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def rewind_subscription(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>/rewind`: with `?position=` or `?time=` a dry run, which a POST carries out.

    `?by=time` shows the field for a time.
    """
    overview = existing(member.log_id, name)
    fields = request.POST if request.method == "POST" else request.GET
    form = RewindForm(fields if {"position", "time"} & {*fields} else None)
    by = "time" if "time" in fields or fields.get("by") == "time" else "position"
    context: dict[str, Any] = {"here": "subscriptions", "overview": overview, "form": form, "by": by, "dry_run": None}
    if form.is_valid():
        place, counted_at = form.cleaned_data["place"], form.cleaned_data["counted_at"]
        is_stale = time.time() - (counted_at or 0) > FRESH_SECONDS
        if request.method == "POST" and not is_stale:
            rewound = _rewound(order_of(member, name), place)
            messages.success(request, _words(name, rewound))
            return redirect("subscription", member.log.name, name)
        dry_run = _rewound(order_of(member, name, is_dry_run=True), place)
        per_minute = overview.takers.per_minute
        after = dry_run.position if dry_run.position < dry_run.begin else 0
        context["dry_run"] = dry_run
        context["holders"] = holders(member.log_id, overview.status.number, after=after, limit=_HOLDERS).fetch()
        context["catch_up"] = timedelta(minutes=dry_run.delivered_again / per_minute) if per_minute else timedelta()
        context["counted_at"] = time.time()
        context["fresh_seconds"] = FRESH_SECONDS
        context["is_repeated"] = request.method == "POST"
    status = 400 if form.errors else 200
    return show(request, member, template="events/rewind.html", context=context, status=status)


def _rewound(order: Order, place: int | datetime) -> Rewound:
    async def carry_out() -> Rewound:
        rewound = await rewind(order, to=place)
        await engine.current().announcer.announce()
        return rewound

    return async_to_sync(carry_out)()


def _words(name: str, rewound: Rewound) -> str:
    again = f"{rewound.delivered_again:,} events are delivered again"
    skipped = f"{rewound.skipped:,} events are skipped"
    effect = again if rewound.position < rewound.begin else skipped
    return f"The subscription {name} goes on after #{rewound.position:,}, in generation {rewound.generation}: {effect}."
