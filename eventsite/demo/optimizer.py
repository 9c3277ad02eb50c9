"""The optimizer, which puts each van's stops in the order with the shortest waits. It thinks for long."""

from __future__ import annotations

from statistics import mean
from typing import Any

from events.api.schemas import EventOut
from eventsite.demo import board
from eventsite.demo.agent import Agent
from eventsite.demo.world import MINUTES_A_KM

THINKING_SECONDS = 2.4
"""The simulated time between its read and its write of a list: longer than the router takes between two orders."""


class Optimizer(Agent):
    name = "optimizer"
    service = "optimizer 0.9.3"
    follows = ("assignment.extended",)

    async def handle(self, event: EventOut) -> None:
        depot = event.stream.removeprefix(board.stream_of(""))
        timed_orders = {event.data["order"] for event in await self.look(type=["route.timed"])}
        tour = await board.change_list(
            self, depot, "assignment.reordered", self._shorten, cause=event, thinking=THINKING_SECONDS
        )
        if tour is None:
            return
        for order, minutes in self._arrivals(tour.data["stops"]).items():
            if order not in timed_orders:
                await self.stage.pause(0.3)
                data = {"order": order, "minutes_after_departure": round(minutes)}
                route = f"route-{self.world.orders[order].number}"
                await self.say(route, "route.timed", data, cause=tour, workflow=order)

    def _shorten(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """Return the tour with the shortest waits, or None if the list is in this order already."""
        stops = sorted(state["stops"], key=self.world.distance)
        if stops == state["stops"]:
            return None
        return {"stops": stops, "mean_wait_minutes": self._wait(stops), "was_minutes": self._wait(state["stops"])}

    def _wait(self, stops: list[str]) -> int:
        return round(mean(self._arrivals(stops).values()))

    def _arrivals(self, stops: list[str]) -> dict[str, float]:
        """Return the minutes from departure to each order of a tour."""
        minutes, distance = 0.0, 0.0
        arrivals = {}
        for stop in stops:
            stop_distance = self.world.distance(stop)
            minutes += abs(stop_distance - distance) * MINUTES_A_KM
            distance = stop_distance
            if stop in self.world.orders:
                arrivals[stop] = minutes
        return arrivals
