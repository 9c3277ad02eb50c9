"""Projections for tests, random logs, and the states that a fold from zero gives."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.reading import store
from events.types import Event
from projections.definition.projection import AGENT, LOG, WORKFLOW, Decoded, Projection, decode, pointer
from projections.states.at_moment import State
from projections.values import exact_json

STREAMS = ("order-1", "order-2", "a/b# (-> X)", "a*", "eventsite-a")
AGENTS = ("router", "rou*", "packer")


def _sums(state: Any, happened: Decoded) -> Any:
    """A sum for each type. The order of events matters, keys come and go, and numbers keep their digits."""
    amount = happened.data.get("amount", 0)
    others = {name: value for name, value in state.items() if name != happened.type}
    return {**others, happened.type: state.get(happened.type, Decimal("0.10")) * 1 + amount, "last": happened.position}


def _texts(state: Any, happened: Decoded) -> Any:
    """A list with an item for each event."""
    return [*state, {"by": happened.agent, "text": happened.data.get("text", "")}]


def projection(name: str = "sums", **fields: Any) -> Projection:
    """A projection that reads most events."""
    result = Projection(name, about="For a test.", **{"initial": {"last": 0}, **fields})
    result.on("A", "B*")(_sums)
    return result


by_stream = projection()
by_workflow = projection(key=WORKFLOW)
by_agent = projection(key=AGENT)
by_log = projection(key=LOG)
by_customer = projection(key=pointer("/customer"))
of_large_amounts = projection(query="data.amount>5")
texts = Projection("texts", about="For a test.", initial=[])
texts.on("*")(_texts)

KEYS: dict[str, tuple[Projection, tuple[str, ...]]] = {
    "stream": (by_stream, STREAMS),
    "workflow": (by_workflow, ("run-0", "run-1")),
    "agent": (by_agent, AGENTS),
    "log": (by_log, ("",)),
    "customer": (by_customer, ("c-0", "c-1")),
    "query": (of_large_amounts, STREAMS),
    "texts": (texts, STREAMS),
}


def some_event(n: int) -> dict[str, Any]:
    """The nth event of a log whose events vary."""
    data = f'{{"amount": {n * 7 % 23}.{n % 10}0, "customer": "c-{n % 3}", "text": "{"x" * (n % 50)}"}}'
    return {
        "type": ("A", "B", "Bought", "C")[n * 5 % 7 % 4],
        "data": data.encode(),
        "agent": AGENTS[n % 3] if n % 4 else None,
        "correlation_id": f"run-{n % 2}" if n % 5 else None,
    }


async def fill(engine: Engine, log: Log, streams: Sequence[str], *, first: int = 0) -> None:
    """Append one event to each of these streams, in order."""
    appends = [
        new_append(stream, [new_event(stream, **some_event(n))]) for n, stream in enumerate(streams, start=first)
    ]
    await engine.writer.append(log.pk, appends)


async def all_events(engine: Engine, log: Log) -> list[Event]:
    return await store.events(log.pk, limit=100_000).afetch(engine.pool)


def from_zero(projection: Projection, key: str, events: Sequence[Event]) -> State:
    """The state after these events of the log, folded one by one."""
    state = projection.initial
    events_of_key = [event for event in events if projection.reads(event) and key in projection.key.keys(decode(event))]
    for event in events_of_key:
        state = projection.reduce(state, decode(event))
    last = (events_of_key[-1].position, events_of_key[-1].version) if events_of_key else (0, 0)
    return State(exact_json.dumps(state), len(events_of_key), *last)
