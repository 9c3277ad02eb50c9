"""The notifier, which takes the payment of a routed order and tells the customer. It is killed once, and goes on."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from events.api.schemas import EventOut
from eventsite.demo.actor import AppendedEvent
from eventsite.demo.agent import Agent, InHand
from eventsite.demo.world import CURRENCY, Refused
from projections.api.resume_schemas import WorkflowStandingOut

ATTEMPTS = 2
BACKOFF_SECONDS = 1.5
"""The simulated time before a payment is tried again."""
STARTED = ("payment.initiated", "payment.retried")
MESSAGE_OF = {"order.delayed": "delayed", "order.dispatched": "on_its_way"}
"""The message of which an event tells the customer."""
MESSAGES = {
    "confirmed": "Your order is confirmed and paid.",
    "on_its_way": "Your order is on its way.",
    "delayed": "Your order missed its van. A courier brings it; we are sorry.",
    "cancelled": "Your payment did not go through, so we cancelled your order.",
}


class NotifierAgent(Agent):
    name = "notifier"
    service = "notifier 1.12.0"
    follows = ("order.routed", "order.delayed", "order.dispatched")

    async def begin(self, opening: EventOut) -> None:
        """Start; or, if its own stream ends in a crash, find the unfinished work and go on with it."""
        diary = await self.look(stream=self.diary)
        if diary and diary[-1].type == "agent.crashed":
            await self._resume(diary[-1])
        else:
            await super().begin(opening)

    async def handle(self, event: EventOut) -> None:
        if event.type == "order.routed":
            await self._pay(event)
        else:
            await self._tell(MESSAGE_OF[event.type], event, order=event.stream)

    async def _resume(self, crashed: EventOut) -> None:
        """Ask where the workflow of its last event stands, and take in hand what was delivered and not settled."""
        last = (await self.look(agent=self.name))[-1]
        path = f"/workflows/{quote(str(last.correlation_id), safe='')}/resume"
        standing = await self.api.call("GET", path, gives=WorkflowStandingOut)
        [in_hand] = [
            InHand(each.delivery, each.event)
            for each in standing.deliveries
            if each.subscription == self.name and each.delivery is not None
        ]
        event = in_hand.event
        payment = (await self.look(stream=_payment(event.stream)))[-1:]
        unfinished = [{"stream": each.stream, "type": each.type} for each in payment if each.type in STARTED]
        data = {"action": f"go on with {event.type} of {event.stream}", "unfinished": unfinished}
        await self.say(self.diary, "agent.resumed", data, cause=crashed)
        self.in_hand = in_hand

    async def _pay(self, routed: EventOut) -> None:
        """Take the payment of an order. A restarted notifier goes on with a payment that is under way."""
        order, stream = routed.stream, _payment(routed.stream)
        events = await self.look(stream=stream)
        payment: EventOut | AppendedEvent
        if events:
            payment = events[-1]
        else:
            await self.stage.pause(0.3)
            data = self._attempt(order, 1)
            payment = await self.say(stream, "payment.initiated", data, cause=routed, expected_version="no_stream")
        while failure := await self._charge(order, payment):
            attempt = payment.data["attempt"] + 1
            if attempt > ATTEMPTS:
                await self._cancel(order, failure)
                break
            await self.stage.pause(BACKOFF_SECONDS)
            payment = await self.say(stream, "payment.retried", self._attempt(order, attempt), cause=failure)

    async def _charge(self, order: str, payment: EventOut | AppendedEvent) -> AppendedEvent | None:
        """Ask the gateway, which charges once for each key. Returns the event of a failure, or None."""
        await self.stage.pause(1.1)
        key, stream = payment.data["idempotency_key"], _payment(order)
        try:
            charge, is_repeated = self.world.charge(order, key)
        except Refused as refusal:
            failure = {"status": "failed", "reason": str(refusal), "code": refusal.code, "idempotency_key": key}
            return await self.say(stream, "payment.failed", failure, cause=payment)
        data = {
            "status": "captured",
            "charge": charge,
            "amount": payment.data["amount"],
            "charged_before": is_repeated,
        }
        capture = await self.say(stream, "payment.captured", data, cause=payment)
        order_data = {"status": "paid", "paid": payment.data["amount"], "charge": charge}
        await self._tell("confirmed", await self.say(order, "order.paid", order_data, cause=capture), order=order)
        return None

    async def _cancel(self, order: str, failure: AppendedEvent) -> None:
        reason = f"payment failed {ATTEMPTS} times: {failure.data['reason']}"
        data = {"status": "cancelled", "reason": reason}
        cancellation = await self.say(order, "order.cancelled", data, cause=failure)
        await self._tell("cancelled", cancellation, order=order)

    async def _tell(self, message: str, cause: EventOut | AppendedEvent, *, order: str) -> None:
        """Tell the customer by mail, or by text message if mail has bounced.

        Raises:
            GatewayDown: the mail was not taken.
        """
        customer = self.world.orders[order].placed
        by_text = bool(await self.look(stream=order, type=["notification.failed"]))
        await self.stage.pause(0.5)
        mail = {"message": message, "channel": "email", "to": customer["email"], "text": MESSAGES[message]}
        if not by_text and not self.world.send_mail(order, at=self.stage.now):
            bounce = mail | {"reason": "550 5.1.1 mailbox unavailable"}
            cause = await self.say(order, "notification.failed", bounce, cause=cause)
            by_text = True
            await self.stage.pause(0.6)
        notification = mail | {"channel": "sms", "to": customer["phone"]} if by_text else mail
        await self.conclude(order, "notification.sent", notification, cause=cause)

    def _attempt(self, order: str, attempt: int) -> dict[str, Any]:
        amount = self.world.orders[order].placed["total"]
        key = f"{order}/charge/{attempt}"
        return {"status": "pending", "amount": amount, "currency": CURRENCY, "attempt": attempt, "idempotency_key": key}


def _payment(order: str) -> str:
    return order.replace("order", "payment")
