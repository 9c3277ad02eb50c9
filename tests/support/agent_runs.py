"""A run of several agents, as traces of agents are mapped to events: hand-offs, a failing tool, an agent as a tool."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from events.types import Event
from tests.support.histories import History

STREAM = "run-4bf92f3577b34da6"
TASK = "Bring order 1004 on its way and tell the customer."
FULL = "van V1 is full: 310 kg asked, 120 kg left"


class AgentRun:
    """A run whose events get their causes as a mapper gives them. Each method appends one event and returns it."""

    def __init__(self, history: History | None = None, *, stream: str = STREAM) -> None:
        self.history = history or History()
        self.stream = stream

    def say(self, type: str, data: dict[str, Any], *, agent: str | None = None, cause: Event | None = None) -> Event:
        return self.history.say(
            type,
            {name: value for name, value in data.items() if value is not None},
            stream=self.stream,
            agent=agent,
            id=f"{self.stream}:{len(self.history.events) + 1:016x}",
            causation_id=cause and cause.id,
            correlation_id="order-1004",
        )

    def start(self, agent: str, *, cause: Event | None = None, task: str | None = None) -> Event:
        return self.say("agent.started", {"name": agent, "task": task}, agent=agent, cause=cause)

    def finish(self, agent: str, *, cause: Event | None = None, output: str | None = None) -> Event:
        data = {"name": agent, "output": output, "duration_ms": 1_450}
        return self.say("agent.finished", data, agent=agent, cause=cause)

    def reply(
        self, agent: str, *, cause: Event | None = None, text: str = "", calls: Iterable[Any] = (), **data: Any
    ) -> Event:
        usage = {"input_tokens": 100, "output_tokens": 10, "cost": Decimal("0.0002")}
        reply = {"role": "assistant", "content": text, "tool_calls": list(calls), "model": "gpt-4o", "duration_ms": 40}
        return self.say("model.replied", reply | usage | data, agent=agent, cause=cause)

    def call(self, agent: str, asked: dict[str, Any], *, cause: Event | None = None) -> Event:
        data = {"name": asked["name"], "arguments": asked["arguments"], "call_id": asked["id"]}
        return self.say("tool.called", data, agent=agent, cause=cause)

    def result(self, agent: str, call: Event, asked: dict[str, Any], result: Any) -> Event:
        data = {"name": asked["name"], "call_id": asked["id"], "result": result, "duration_ms": 30}
        return self.say("tool.returned", data, agent=agent, cause=call)

    def failure(self, agent: str, call: Event, asked: dict[str, Any], error: Any) -> Event:
        data = {"name": asked["name"], "call_id": asked["id"], "error": error, "duration_ms": 53}
        return self.say("tool.failed", data, agent=agent, cause=call)


def asked(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """A call that a reply asks for."""
    return {"id": id, "name": name, "arguments": arguments}


def order_run(run: AgentRun | None = None) -> AgentRun:
    """Return a run of a dispatcher, who looks an order up and hands over to a router, who hands over to a notifier.

    The router asks a weigher, which is an agent as a tool, at the same time as it reserves a van that is full, and
    then reserves another one.
    """
    run = run or AgentRun()
    begun = run.say("workflow.started", {"name": "depot", "task": TASK})
    handed = _dispatch(run, run.start("dispatcher", cause=begun, task=TASK))
    handed = _route(run, run.start("router", cause=handed))
    told = _notify(run, run.start("notifier", cause=handed))
    data = {"name": "depot", "output": "Ada knows: 14:30, van V2.", "duration_ms": 2_470}
    run.say("workflow.finished", data, cause=told)
    return run


def _dispatch(run: AgentRun, begun: Event) -> Event:
    look = asked("call_d0", "lookup_order", order_id="1004")
    history = [{"role": "system", "content": "You dispatch orders."}, {"role": "user", "content": TASK}]
    reply = run.reply("dispatcher", cause=begun, calls=[look], messages=history, input_tokens=51, output_tokens=13)
    found = run.result("dispatcher", run.call("dispatcher", look, cause=reply), look, {"weight_kg": 310, "depot": "2"})
    over = asked("call_d1", "transfer_to_router")
    reply = run.reply("dispatcher", cause=found, calls=[over], input_tokens=138, output_tokens=10)
    delegation = {"target": "router", "by": "dispatcher", "instruction": "Route order 1004: 310 kg from depot 2."}
    delegated = run.say("task.delegated", delegation, agent="dispatcher", cause=reply)
    return run.finish("dispatcher", cause=delegated)


def _route(run: AgentRun, begun: Event) -> Event:
    first = asked("call_r0", "reserve_van", order_id="1004", van="V1")
    weigh = asked("call_r1", "weigh", input="Weigh order 1004.")
    reply = run.reply("router", cause=begun, calls=[first, weigh], input_tokens=208, output_tokens=31)
    reserving, weighing = run.call("router", first, cause=reply), run.call("router", weigh, cause=reply)
    weigher = run.start("weigher", cause=weighing, task="Weigh order 1004.")
    run.failure("router", reserving, first, {"type": "VanFull", "message": FULL})
    weight = run.reply("weigher", cause=weigher, text="Order 1004 weighs 310 kg.", model="gpt-4o-mini")
    run.finish("weigher", cause=weight, output="Order 1004 weighs 310 kg.")
    weighed = run.result("router", weighing, weigh, "Order 1004 weighs 310 kg.")
    second = asked("call_r2", "reserve_van", order_id="1004", van="V2")
    reply = run.reply("router", cause=weighed, calls=[second], input_tokens=359, output_tokens=16)
    reserved = run.result("router", run.call("router", second, cause=reply), second, {"van": "V2", "slot": "14:30"})
    over = asked("call_r3", "transfer_to_notifier")
    reply = run.reply("router", cause=reserved, calls=[over], input_tokens=442, output_tokens=11)
    delegated = run.say("task.delegated", {"target": "notifier", "by": "router"}, agent="router", cause=reply)
    return run.finish("router", cause=delegated)


def _notify(run: AgentRun, begun: Event) -> Event:
    run.say(
        "model.failed", {"model": "gpt-4o-mini", "error": "500 Internal Server Error"}, agent="notifier", cause=begun
    )
    notice = asked("call_n0", "send_notice", order_id="1004", text="Your order comes at 14:30.")
    reply = run.reply("notifier", cause=begun, calls=[notice], model="gpt-4o-mini", input_tokens=503, output_tokens=22)
    sent = run.result("notifier", run.call("notifier", notice, cause=reply), notice, "sent notice for 1004")
    reply = run.reply("notifier", cause=sent, text="Ada knows: 14:30, van V2.", model="gpt-4o-mini", input_tokens=582)
    return run.finish("notifier", cause=reply, output="Ada knows: 14:30, van V2.")
