"""The errors of subscriptions."""

from __future__ import annotations

from events.errors import EventsError


class NoSuchSubscription(EventsError):
    """There is no subscription of this name."""

    code = "no-such-subscription"
    status = 404


class DeliveryLost(EventsError):
    """The delivery that an append was to settle is no longer with its consumer; nothing was written."""

    code = "delivery-lost"
    status = 409


class NoSuchDelivery(EventsError):
    """Nobody holds the delivery now, so there is nothing to release."""

    code = "no-such-delivery"
    status = 404


class SubscriptionFixed(EventsError):
    """The order and the start of a subscription can't change: make another one."""

    code = "subscription-fixed"
    status = 409
