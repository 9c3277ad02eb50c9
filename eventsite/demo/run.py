"""The play of one shift, from its first event to its last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from events.client import Api, Transport
from eventsite.demo.mending import mend_letters
from eventsite.demo.notifier import NotifierAgent
from eventsite.demo.optimizer import Optimizer
from eventsite.demo.pricing import Pricing
from eventsite.demo.router import Router
from eventsite.demo.stage import Stage
from eventsite.demo.storefront import Storefront
from eventsite.demo.supervisor import Supervisor
from eventsite.demo.world import world_of

AGENTS = (Router, Optimizer, NotifierAgent)
CREW = (Storefront, Supervisor, Pricing, *AGENTS)


@dataclass(frozen=True, slots=True)
class Shift:
    """A finished shift, with its positions in the log."""

    number: int
    first_position: int
    last_position: int


async def play(
    transport: Transport,
    tokens: Mapping[str, str],
    *,
    number: int | None = None,
    speed: float = math.inf,
    epoch: datetime | None = None,
) -> Shift:
    """Play one shift through the API.

    Args:
        tokens: the tokens by the name of their actor.
        number: the shift to play: the same number gives the same events. None for the next new one.
        speed, epoch: see `Stage`.
    """
    apis = {name: Api(transport, token) for name, token in tokens.items()}
    stage = Stage(speed=speed, epoch=epoch)
    number = number or await next_number(apis[Storefront.name])
    world = world_of(number)
    storefront = Storefront(stage, apis[Storefront.name], world, number)
    supervisor = Supervisor(stage, apis[Supervisor.name], world, number)
    opening = await storefront.open_shift()
    await supervisor.prepare(opening, AGENTS)
    agents = [partial(agent, stage, apis[agent.name], world, number) for agent in AGENTS]
    pricing = Pricing(stage, apis[Pricing.name], world, number)
    await stage.play(
        storefront.work,
        *(partial(supervisor.keep, agent) for agent in agents),
        pricing.work,
        supervisor.stop_runaway,
        partial(mend_letters, supervisor),
    )
    await supervisor.close_shift()
    return Shift(number, opening.position, stage.head)


async def next_number(api: Api) -> int:
    """Return the number after that of the last shift."""
    openings = await api.events(type=["shift.opened"], agent=[Storefront.name], direction="backward", limit=1)
    return openings[0].data["shift"] + 1 if openings else 1
