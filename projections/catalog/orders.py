"""The projection `orders`: the status of each order of the demo, from all streams that mention it.

An order's events are those of its workflow, and those that name it in a list of stops. The event that takes an order
off a list does not name it; the order sees only that it was not on board when the van left.
"""

from __future__ import annotations

from typing import Any

from projections import Decoded, Json, Key, Projection
from projections.catalog.messages import fields

_NOTIFICATIONS = 20
"""Most notifications, and most problems, that are kept: the newest."""


def _named(happened: Decoded) -> list[str]:
    """Return the order of the workflow or the stream, and the orders that the event names as stops."""
    names = [happened.workflow, happened.stream, *_stops(happened)]
    return [name for name in names if isinstance(name, str) and name.startswith("order-")]


def _stops(happened: Decoded) -> list[Json]:
    stops = fields(happened).get("stops")
    return stops if isinstance(stops, list) else []


orders = Projection(
    "orders",
    about="Where each order of the demo stands: what was ordered, its route, its van, its payment, what went wrong.",
    key=Key("order", _named),
    initial={
        "order": None,
        "status": None,
        "customer": None,
        "total": None,
        "route": {},
        "listed": None,
        "on_board": None,
        "payment": {"status": None, "attempts": 0},
        "notifications": [],
        "problems": [],
    },
    materialised=True,
)


@orders.on("order.*")
def moved(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply an event of the order itself: its data give the status, and a reason if something went wrong."""
    data = fields(happened)
    after = {**state, "status": data.get("status", state["status"])}
    if happened.type == "order.placed":
        return after | {"order": happened.stream, **{name: data.get(name) for name in _PLACED}}
    if happened.type == "order.dispatched" and state["on_board"] is None:
        after["on_board"] = {"van": data.get("van"), "position": happened.position}
    return _with_problem(after, happened) if "reason" in data else after


_PLACED = ("customer", "total", "currency", "items", "weight_kg", "address")


@orders.on("route.*")
def routed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply an event about the way of delivery."""
    data = fields(happened)
    names = ("depot", "van", "score", "cost", "minutes", "reason", "minutes_after_departure")
    return {**state, "route": state["route"] | {name: data[name] for name in names if name in data}}


@orders.on("assignment.*", "van.departed")
def listed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a change of a van's list, or its departure: the order is on the list at some stop, or not on it."""
    stops = _stops(happened)
    place = stops.index(state["order"]) + 1 if state["order"] in stops else None
    if happened.type == "van.departed":
        return {**state, "on_board": {"van": fields(happened).get("van"), "stop": place, "position": happened.position}}
    if place is None:
        return {**state, "listed": None} if happened.workflow == state["order"] else state
    return {**state, "listed": {"in": happened.stream, "stop": place, "of": len(stops), "position": happened.position}}


@orders.on("payment.*")
def paid(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    data = fields(happened)
    names = ("status", "amount", "currency", "charge", "charged_before", "idempotency_key", "reason")
    said = {name: data[name] for name in names if name in data}
    attempts = data.get("attempt", state["payment"]["attempts"])
    after = {**state, "payment": {**state["payment"], **said, "attempts": attempts}}
    return _with_problem(after, happened) if happened.type == "payment.failed" else after


@orders.on("notification.*")
def told(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    data = fields(happened)
    message = {
        "id": str(happened.position),
        "message": data.get("message"),
        "channel": data.get("channel"),
        "sent": happened.type == "notification.sent",
    }
    after = {**state, "notifications": [*state["notifications"][1 - _NOTIFICATIONS :], message]}
    return after if message["sent"] else _with_problem(after, happened)


@orders.on("agent.crashed", "conflict.noticed")
def disturbed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply an event about an agent that worked on this order."""
    return _with_problem(state, happened)


def _with_problem(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    data = fields(happened)
    why = data.get("reason") or data.get("action")
    problem = {"id": str(happened.position), "type": happened.type, "agent": happened.agent, "why": why}
    return {**state, "problems": [*state["problems"][1 - _NOTIFICATIONS :], problem]}
