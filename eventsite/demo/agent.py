"""The base of the agents. Each is the consumer of a subscription, and works on one event after the other."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from events.api.schemas import EventOut
from events.api.subscription_schemas import DeliveriesOut, SettlementsOut, SubscriptionOut
from events.models import Scope
from eventsite.demo.actor import POLL_SECONDS, Actor, AppendedEvent
from eventsite.demo.world import GatewayDown

ACK_DEADLINE_SECONDS = 600
"""Longer than a slow run takes: what a killed agent had in hand waits for the next one, and goes to nobody else."""
MAX_ATTEMPTS = 3
RETRY_SECONDS = 0.5
"""The simulated time before an event is tried again."""
BREAKER = {"failures": 6, "of": 10, "minimum": 6, "pause": 1}
BREAK_SECONDS = 3.0
"""The simulated time for which an agent leaves an open breaker alone: longer than the breaker's pause."""
LONG_WAIT_SECONDS = 5
_MAX_LOOKS = 10
_CHECKOUT = f"{Path(__file__).resolve().parents[2]}/"
"""The beginning of the paths in tracebacks; without it they are the same on every machine."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A delivery that an agent has taken and not settled: its id, and the event."""

    delivery: str
    event: EventOut


class Agent(Actor):
    """An actor that takes events. Subclasses name the types that they follow, and handle each event.

    The subscription has the agent's name, and so has its consumer.
    """

    follows: ClassVar[tuple[str, ...]]
    scopes = (*Actor.scopes, Scope.CONSUME)
    in_hand: InHand | None = None
    _looked_at: tuple[int, int] | None = None
    """The head and the news of the stage at its last look, which found nothing."""
    _waits_for_trial = False

    @classmethod
    def subscription(cls) -> dict[str, Any]:
        """Return the settings of the agent's subscription."""
        types = " OR ".join(f"type:{type}" for type in (*cls.follows, "shift.ended"))
        return {
            "q": types,
            "order_by": "stream",
            "ack_deadline": ACK_DEADLINE_SECONDS,
            "max_attempts": MAX_ATTEMPTS,
            "breaker": BREAKER,
        }

    async def work(self) -> None:
        """Start, and react until the shift ends."""
        await self.begin(await self.find_shift())
        while not await self._react():
            await self.stage.pause(POLL_SECONDS)

    async def begin(self, opening: EventOut) -> None:
        data = {"service": self.service, "follows": list(self.follows)}
        await self.say(self.diary, "agent.started", data, cause=opening)

    async def handle(self, event: EventOut) -> None:
        """React to one event.

        Raises:
            GatewayDown: a service can't be reached.
        """
        raise NotImplementedError

    async def conclude(self, *args: Any, **options: Any) -> AppendedEvent:
        """Append the last event to which a delivery leads, as `say` does, and settle the delivery by the same request.

        Both are written, or neither is: an agent that is killed just before does all of it again, and one that is
        killed just after does nothing again.
        """
        assert self.in_hand
        settles = [{"subscription": self.name, "delivery": self.in_hand.delivery}]
        event = await self.say(*args, settles=settles, **options)
        if not event.is_repeated:
            self.in_hand = None
        return event

    async def _react(self) -> bool:
        """Handle what there is to do. Returns whether the shift is over."""
        while in_hand := self.in_hand or await self._take():
            event = in_hand.event
            is_ours = event.metadata.get("shift") == self.shift
            is_end = is_ours and event.type == "shift.ended"
            if is_end:
                await self.conclude(self.diary, "agent.stopped", {"reason": "the shift has ended"}, cause=event)
            elif is_ours:
                await self._try(event)
            await self._settle("ack")
            if is_end:
                return True
        return False

    async def _try(self, event: EventOut) -> None:
        """Handle an event. If a service can't be reached, the delivery has failed, and comes again after a while."""
        try:
            await self.handle(event)
        except GatewayDown as down:
            frames = traceback.format_exc().replace(_CHECKOUT, "")
            error = {"type": type(down).__name__, "message": str(down), "traceback": frames}
            # The server would wait in real time; the stage waits in simulated time.
            await self._settle("fail", error=error, delay=0)
            self._looked_at = None
            subscription = await self.api.call("GET", f"/subscriptions/{self.name}", gives=SubscriptionOut)
            self._waits_for_trial = subscription.circuit is not None and subscription.circuit.state == "open"
            await self.stage.pause(BREAK_SECONDS if self._waits_for_trial else RETRY_SECONDS)

    async def _take(self) -> InHand | None:
        """Take the next event in hand, if there is one.

        Events after the last one that an actor on the stage has written are left: they are from a run that was cut off.
        """
        head, news = self.stage.head, self.stage.news
        if self._looked_at == (head, news):
            return None
        for look in range(_MAX_LOOKS):
            # Nothing comes while a breaker is open. The stage stands still then, so that a run depends on no clock.
            wait = LONG_WAIT_SECONDS if look or self._waits_for_trial else 0
            body = {"consumer": self.name, "limit": 1, "wait": wait, "request": str(uuid4())}
            page = await self.api.call("POST", f"/subscriptions/{self.name}/take", body, gives=DeliveriesOut)
            if page.deliveries:
                self._waits_for_trial = False
                [delivery] = page.deliveries
                self.in_hand = InHand(delivery.delivery, delivery.event)
                if delivery.position <= head:
                    return self.in_hand
                await self._settle("release")
            if page.deliveries or page.read_to >= head:
                break
        self._looked_at = head, news
        return None

    async def _settle(self, outcome: str, **details: object) -> None:
        """Say what became of the delivery in hand, unless an append has settled it."""
        if self.in_hand is None:
            return
        settlement = {"delivery": self.in_hand.delivery, "outcome": outcome, **details}
        body = {"consumer": self.name, "settlements": [settlement]}
        await self.api.call("POST", f"/subscriptions/{self.name}/settle", body, gives=SettlementsOut)
        self.in_hand = None
