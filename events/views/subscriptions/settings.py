"""The pages that make a subscription and change its settings, with the checks and the code of the API."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from events import engine
from events.errors import Invalid
from events.models import Member, Role
from events.subscriptions import store
from events.views.page import log_page, show
from events.views.subscriptions.orders import existing
from events.views.subscriptions.settings_form import NewSubscriptionForm, SettingsForm, initial_of


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def make_subscription(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/make-subscription`: a POST makes a subscription, and leads to its page."""
    form = NewSubscriptionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        if store.statuses(member.log_id, name).fetch():
            form.add_error("name", f"There is a subscription {name} already.")
        elif _put(member, name, form):
            messages.success(request, f"The subscription {name} is made: consumers may take from it.")
            return redirect("subscription", member.log.name, name)
    return _page(request, member, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def change_subscription(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>/settings`: a POST gives it other settings, and leads back to its page."""
    status = existing(member.log_id, name).status
    settings = status.settings
    form = SettingsForm(
        request.POST or None, initial=initial_of(settings), order_by=settings.order_by, start=status.start
    )
    if request.method == "POST" and form.is_valid() and _put(member, name, form):
        messages.success(request, f"The subscription {name} has these settings now.")
        return redirect("subscription", member.log.name, name)
    return _page(request, member, form, status)


def _put(member: Member, name: str, form: SettingsForm) -> bool:
    """Make or change a subscription. Return whether that was possible; else the form says why it was not."""
    settings, start, by = form.settings, form.start, member.user.get_username()

    async def put() -> None:
        current = engine.current()
        await store.put(current.pool, member.log_id, name, settings, start=start, stream_prefix=None, by=by)
        await current.announcer.announce()

    try:
        async_to_sync(put)()
    except Invalid as error:
        form.refuse(error)
        return False
    return True


def _page(request: HttpRequest, member: Member, form: SettingsForm, status: store.Status | None) -> HttpResponse:
    context = {"here": "subscriptions", "form": form, "status": status, "head": member.log.head}
    template = "events/subscription_settings.html"
    return show(request, member, template=template, context=context, status=400 if form.errors else 200)
