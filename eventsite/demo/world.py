"""The world of the agents: the orders, the distances, and the faults of outside services.

`SCRIPT` is the story, the same in every shift. Everything else comes from a generator that is seeded with the shift's
number: the same shift has the same customers, prices and distances everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

Fault = Literal["", "payment times out", "killed while paying", "card declined", "mail bounces"]

SCRIPT: tuple[tuple[float, str, Fault], ...] = (
    (1.0, "depot-1", ""),
    (2.5, "depot-1", ""),  # comes while the optimizer works on the order before, which it notices
    (8.0, "depot-2", "payment times out"),
    (9.5, "depot-2", ""),  # comes so, too, but this depot checks no versions: the order is lost
    (16.0, "depot-2", "killed while paying"),
    (19.0, "depot-1", "card declined"),
    (23.0, "depot-1", "mail bounces"),
)
"""For each order the simulated time, the nearest depot, and the fault."""

OUTAGE = (33.3, 41.5)
"""The simulated time in which the mail gateway can't be reached: the vans have just left."""
VANS = {"depot-1": "van-3", "depot-2": "van-7"}
PICKUPS = {"depot-1": "pickup-418", "depot-2": "pickup-422"}
"""The stop with which each van's list begins the shift. It is far out, so the best tour makes it last."""
PICKUP_KM = 14.0
MINUTES_A_KM = 3.2
CHECKED = {"depot-1"}
"""The depots whose loading list is written at an expected version only. The others have the planted mistake."""
CURRENCY = "GBP"

_PEOPLE = (
    "Ailsa Craig", "Bram Oduya", "Catriona Muir", "Dev Banerjee", "Elspeth Rowe", "Femi Adeyemi", "Greta Lind",
    "Hamish Orr", "Isla Navarro", "Jonas Weir", "Kirsty Tan", "Lewis Okafor", "Morag Sinclair", "Noor Haddad",
)  # fmt: skip
_STREETS = (
    "Albert Quay", "Bath Street", "Carlton Terrace", "Constitution Row", "Duke's Walk", "Figgate Lane",
    "Great Junction Road", "Inchview Place", "Kirkgate", "Madeira Street", "Regent Gardens", "Tower Wynd",
)  # fmt: skip
_GOODS = (
    ("TEA-ASM-250", "Assam tea, 250 g", 890, 0.3), ("MUG-BLU-330", "Blue mug, 330 ml", 1250, 0.4),
    ("COF-ETH-500", "Ethiopian coffee, 500 g", 1475, 0.6), ("POT-IRN-12", "Iron teapot, 1.2 l", 4600, 2.1),
    ("OAT-BIS-6", "Oat biscuits, 6", 420, 0.2), ("KET-STL-17", "Steel kettle, 1.7 l", 3995, 1.6),
    ("HNY-HTH-340", "Heather honey, 340 g", 745, 0.5), ("TBL-ASH-40", "Ash side table, 40 cm", 5850, 3.4),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `placed` is the data of its first event; `candidates` are the depots that could deliver it."""

    number: int
    at: float
    fault: Fault
    distance_km: float
    placed: dict[str, Any]
    candidates: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return f"order-{self.number}"


@dataclass(slots=True)
class World:
    """A shift's orders by name, and the services that agents call."""

    orders: dict[str, Order]
    charges: dict[str, str] = field(default_factory=dict)
    """The charges of the payment gateway, by idempotency key. They outlive the agents."""

    def distance(self, stop: str) -> float:
        """Return the kilometres from the depot to a stop; all stops are along one road."""
        return self.orders[stop].distance_km if stop in self.orders else PICKUP_KM

    def charge(self, order: str, key: str) -> tuple[str, bool]:
        """Charge an order's card, once for each key. Returns the charge, and whether an earlier call made it.

        The key ends in the number of the attempt.

        Raises:
            Refused: the gateway did not charge.
            Killed: the calling agent dies before the answer arrives.
        """
        if key in self.charges:
            return self.charges[key], True
        fault = self.orders[order].fault
        if fault == "card declined":
            raise Refused("card_declined", "insufficient funds")
        if fault == "payment times out" and key.endswith("/1"):
            raise Refused("gateway_timeout", "the gateway did not answer in time")
        self.charges[key] = f"ch_{self.orders[order].number:x}{len(self.charges) + 1:02x}"
        if fault == "killed while paying":
            raise Killed
        return self.charges[key], False

    def send_mail(self, order: str, *, at: float) -> bool:
        """Send a mail to an order's customer at a simulated time. Returns whether it was delivered; else it bounced.

        Raises:
            GatewayDown: the gateway did not take it.
        """
        if OUTAGE[0] <= at < OUTAGE[1]:
            raise GatewayDown(f"mail.example refused the connection, for {order}")
        return self.orders[order].fault != "mail bounces"


class Refused(Exception):
    """The gateway did not charge: `(code, message)`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class GatewayDown(Exception):
    """A service can't be reached now. Another attempt may help."""


class Killed(Exception):
    """The agent's process is gone, with everything that it held in memory."""


def world_of(shift: int) -> World:
    """Return the world of a shift, from its number alone."""
    random = Random(f"eventsite demo shift {shift}")  # noqa: S311 - a story, not a secret
    people = random.sample(_PEOPLE, len(SCRIPT))
    first = 1000 + 10 * (shift - 1) + 1
    orders = [_order(random, first + place, people[place], *SCRIPT[place]) for place in range(len(SCRIPT))]
    return World({order.name: order for order in orders})


def _order(random: Random, number: int, person: str, at: float, depot: str, fault: Fault) -> Order:
    basket = [(goods, random.randint(1, 2)) for goods in random.sample(_GOODS, random.randint(1, 3))]
    distance = round(random.uniform(1.2, 4.8), 1)
    facts = {
        "order": f"order-{number}",
        "status": "placed",
        "customer": person,
        "total": sum(pence * count for (_, _, pence, _), count in basket) / 100,
        "currency": CURRENCY,
        "items": [
            {"sku": sku, "name": name, "quantity": count, "price": pence / 100}
            for (sku, name, pence, _), count in basket
        ],
        "weight_kg": round(sum(kilos * count for (_, _, _, kilos), count in basket), 1),
        "address": {
            "street": f"{random.randint(1, 120)} {random.choice(_STREETS)}",
            "postcode": f"EH6 {random.randint(1, 9)}{random.choice('ABDEFGH')}{random.choice('JLNPQR')}",
            "city": "Edinburgh",
        },
        "email": f"{person.split()[0].lower()}@example.com",
        "phone": f"+44 7700 900{random.randint(100, 999)}",
    }
    return Order(number, at, fault, distance, facts, _candidates(random, depot, distance))


def _candidates(random: Random, nearest: str, distance: float) -> list[dict[str, Any]]:
    """Return the depots with the cost of a delivery from each; only the nearest is worth it."""
    candidates = []
    for depot, van in (*VANS.items(), ("depot-3", "van-9")):
        kilometres = distance if depot == nearest else round(random.uniform(6.0, 11.5), 1)
        candidates.append(
            {
                "depot": depot,
                "van": van,
                "distance_km": kilometres,
                "minutes": round(4 + MINUTES_A_KM * kilometres),
                "cost": round(1.8 + 0.55 * kilometres, 2),
                "score": round(1 / (1 + kilometres / 10), 3),
            }
        )
    return candidates
