"""The deliveries that an append settles: they stand beside `events`, or beside `appends` for all of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct, UnsetType

from events.api.names import documented
from events.errors import Invalid
from events.subscriptions.guard import Settles
from events.subscriptions.settings import check_subscription_name
from events.subscriptions.types import DeliveryId

MAX_SETTLES = 1_000


DeliveryText = Annotated[
    str, documented("The id of a delivery, as the take returned it", pattern=f"^{DeliveryId.PATTERN}$")
]


class SettlesIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A delivery that is done once the append is written."""

    subscription: Annotated[str, documented("The name of the subscription", pattern="^[a-z0-9-]{1,63}$")]
    delivery: DeliveryText

    def checked(self, field: str) -> Settles:
        """Return the guard that settles the delivery; `field` is its place in the request."""
        name = check_subscription_name(self.subscription, f"{field}.subscription")
        return Settles(name, delivery_id(self.delivery, f"{field}.delivery"))


Settlings = Annotated[
    list[SettlesIn],
    documented("The append is refused if one of these deliveries is lost, else they are done", maxItems=MAX_SETTLES),
]


def checked_settles(settles: list[SettlesIn] | UnsetType, field: str = "") -> tuple[Settles, ...]:
    """Return the guards for the deliveries that an append settles; `field` is its place in the request.

    Raises:
        Invalid: one is not the id of a delivery, or there are too many.
    """
    if isinstance(settles, UnsetType):
        return ()
    where = f"{field}settles"
    if len(settles) > MAX_SETTLES:
        raise Invalid(f"{where} holds {len(settles)}; the limit is {MAX_SETTLES:,}.", field=where, limit=MAX_SETTLES)
    return tuple(each.checked(f"{where}[{number}]") for number, each in enumerate(settles))


def delivery_id(text: str, field: str) -> DeliveryId:
    """Read the id of a delivery; `field` is its place in the request.

    Raises:
        Invalid: it is none.
    """
    try:
        return DeliveryId.parse(text)
    except ValueError:
        raise Invalid(f"{field} is not the id of a delivery.", field=field) from None
