"""The pages that pause, resume or release: a form of their own, or a dialog over the page of a subscription."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from events import engine
from events.errors import NotFound
from events.models import Member, Role
from events.subscriptions import pausing
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.orders import Order
from events.subscriptions.overview import Overview, overviews
from events.subscriptions.taking_back import take_back
from events.subscriptions.unsettled import InFlight, in_flight
from events.views.forms import ReasonForm, ReleaseForm
from events.views.page import log_page, show

_MAX_DELIVERIES = 10_000
"""The largest window of a subscription."""


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def pause_subscription(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>/pause`: a POST pauses it, and leads back to its page."""

    async def act(order: Order, reason: str) -> str:
        is_new = await pausing.pause(order, reason=reason)
        return f"The subscription {name} {'is' if is_new else 'was already'} paused."

    return _ordered(request, member, name, "pause", act)


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def resume_subscription(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>/resume`: a POST resumes it, and leads back to its page."""

    async def act(order: Order, reason: str) -> str:
        is_new = await pausing.resume(order, reason=reason)
        return f"The subscription {name} {'is resumed' if is_new else 'was not paused'}."

    return _ordered(request, member, name, "resume", act)


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def release_deliveries(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/subscriptions/<name>/release?consumer=…` or `?position=…`: a POST gives back what is held.

    Raises:
        NotFound: the address names neither a consumer nor a position.
    """
    form = ReleaseForm(request.GET)
    target = form.cleaned_data if form.is_valid() else {}
    consumer, position = target.get("consumer") or None, target.get("position")
    if consumer is None and position is None:
        raise NotFound("This address names neither a consumer nor a position.")
    deliveries = _held(member, name, consumer, position)

    async def act(order: Order, reason: str) -> str:
        count = len(await take_back(order, consumer=consumer, position=position, reason=reason))
        if not count:
            return "Nothing was released: it had been settled meanwhile."
        return f"{'1 delivery is' if count == 1 else f'{count:,} deliveries are'} released, and may be taken again."

    extra = {"deliveries": deliveries, "consumer": consumer, "position": position}
    return _ordered(request, member, name, "release", act, **extra)


def existing(log_id: int, name: str) -> Overview:
    """Return a subscription of the log.

    Raises:
        NoSuchSubscription: there is none of this name.
    """
    matches = overviews(log_id, name)
    if not matches:
        raise NoSuchSubscription(f"There is no subscription {name!r}.")
    return matches[0]


def order_of(member: Member, name: str, *, is_dry_run: bool = False) -> Order:
    """Return what a person orders about a subscription."""
    return Order(engine.current().pool, member.log_id, name, None, member.user.get_username(), is_dry_run)


def _held(member: Member, name: str, consumer: str | None, position: int | None) -> list[InFlight]:
    number = existing(member.log_id, name).status.number
    return in_flight(member.log_id, number, consumer=consumer, position=position, limit=_MAX_DELIVERIES).fetch()


def _ordered(
    request: HttpRequest,
    member: Member,
    name: str,
    verb: str,
    act: Callable[[Order, str], Awaitable[str]],
    **extra: Any,
) -> HttpResponse:
    """Show the form of an order with what it will do, or carry it out and lead back to the subscription."""
    overview = existing(member.log_id, name)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.success(request, async_to_sync(_carried_out)(order_of(member, name), act, form.cleaned_data["reason"]))
        return redirect("subscription", member.log.name, name)
    context = {"here": "subscriptions", "overview": overview, "verb": verb, "form": form, **extra}
    template, partial = "events/subscription_order.html", "events/_subscription_order.html"
    return show(
        request, member, template=template, partial=partial, context=context, status=400 if form.errors else 200
    )


async def _carried_out(order: Order, act: Callable[[Order, str], Awaitable[str]], reason: str) -> str:
    result = await act(order, reason)
    await engine.current().announcer.announce()
    return result
