"""The router, which chooses the depot of an order, puts the order on a van's list, and sends the vans off."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from events.api.lease_schemas import MAX_TTL_SECONDS, LeaseOut, ReleaseOut
from events.api.schemas import EventOut
from eventsite.demo import board
from eventsite.demo.actor import AppendedEvent, state_of
from eventsite.demo.agent import Agent
from eventsite.demo.world import PICKUPS, VANS, Order


class Router(Agent):
    name = "router"
    service = "router 2.4.1"
    follows = ("order.placed", "order.cancelled", "shift.cutoff")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._leases: dict[str, LeaseOut] = {}

    async def begin(self, opening: EventOut) -> None:
        """Take the lease of each depot, which only its holder sends a van off from, and open the lists."""
        await super().begin(opening)
        for depot, van in VANS.items():
            self._leases[depot] = await self._take_lease(depot)
            data = {"van": van, "stops": [PICKUPS[depot]], "load_kg": 0}
            await self.say(board.stream_of(depot), "assignment.opened", data, cause=opening)

    async def handle(self, event: EventOut) -> None:
        if event.type == "order.placed":
            await self._route(event)
        elif event.type == "order.cancelled":
            await self._unload(event)
        else:
            await self._depart(event)

    async def _route(self, placed: EventOut) -> None:
        order = self.world.orders[placed.stream]
        route = f"route-{order.number}"
        await self.stage.pause(0.5)
        options = {"order": order.name, "candidates": order.candidates}
        proposal = await self.say(route, "route.proposed", options, cause=placed, expected_version="no_stream")
        await self.stage.pause(0.4)
        best = max(order.candidates, key=lambda candidate: candidate["score"])
        choice = {key: best[key] for key in ("depot", "score", "cost", "van", "minutes")}
        choice["reason"] = f"nearest depot, {best['distance_km']} km"
        cause = await self.say(route, "route.chosen", choice, cause=proposal, expected_version=1)
        await self._load(order, best, cause)

    async def _load(self, order: Order, best: dict[str, Any], cause: AppendedEvent) -> None:
        def extended(state: dict[str, Any]) -> dict[str, Any]:
            load = round(state["load_kg"] + order.placed["weight_kg"], 1)
            return {"added": order.name, "stops": [*state["stops"], order.name], "load_kg": load}

        extension = await board.change_list(
            self, best["depot"], "assignment.extended", extended, cause=cause, thinking=0.4
        )
        await self.stage.pause(0.2)
        data = {"status": "routed", "depot": best["depot"], "van": best["van"], "eta_minutes": best["minutes"]}
        await self.conclude(order.name, "order.routed", data, cause=extension)

    async def _unload(self, cancelled: EventOut) -> None:
        order = self.world.orders[cancelled.stream]
        order_state = state_of(await self.look(stream=order.name))

        def reduced(state: dict[str, Any]) -> dict[str, Any]:
            stops = [stop for stop in state["stops"] if stop != order.name]
            load = round(state["load_kg"] - order_state["weight_kg"], 1)
            return {"removed": order.name, "stops": stops, "load_kg": load}

        depot = order_state["depot"]
        await board.change_list(self, depot, "assignment.reduced", reduced, cause=cancelled, thinking=0.4)

    async def _depart(self, cutoff: EventOut) -> None:
        """Send each van off with the orders on its list, then find the orders that are on no list."""
        on_board: set[str] = set()
        for depot, van in VANS.items():
            events = await board.read_list(self, depot)
            await self.stage.pause(0.8)
            load = {"van": van, "stops": state_of(events)["stops"], "load_kg": state_of(events)["load_kg"]}
            departure = await self.say(
                board.stream_of(depot),
                "van.departed",
                load,
                cause=cutoff,
                expected_version=events[-1].version,
                leases=[{"name": depot, "token": self._leases[depot].token}],
            )
            await self._give_back(self._leases.pop(depot))
            orders = [stop for stop in load["stops"] if stop in self.world.orders]
            on_board.update(orders)
            for place, order in enumerate(orders, 1):
                await self.stage.pause(0.3)
                data = {"status": "dispatched", "van": van, "stop": place, "of": len(orders)}
                await self.say(order, "order.dispatched", data, cause=departure, workflow=order)
        for paid in await self.look(type=["order.paid"]):
            if paid.stream not in on_board:
                await self._send_by_bike(paid)

    async def _take_lease(self, depot: str) -> LeaseOut:
        body = {"name": depot, "agent": self.name, "ttl": MAX_TTL_SECONDS, "request": str(uuid4())}
        return await self.api.call("POST", "/leases", body, gives=LeaseOut)

    async def _give_back(self, lease: LeaseOut) -> None:
        body = {"lease": lease.lease, "token": lease.token}
        await self.api.call("POST", "/leases/release", body, gives=ReleaseOut)

    async def _send_by_bike(self, paid: EventOut) -> None:
        order = state_of(await self.look(stream=paid.stream))
        await self.stage.pause(0.8)
        reason = f"paid, but not on the list of {order['van']} when it left"
        data = {"status": "delayed", "reason": reason, "depot": order["depot"]}
        delay = await self.say(paid.stream, "order.delayed", data, cause=paid)
        await self.stage.pause(1.2)
        dispatch = {"status": "dispatched", "van": "bike-2", "late_by_minutes": 25}
        await self.say(paid.stream, "order.dispatched", dispatch, cause=delay)
