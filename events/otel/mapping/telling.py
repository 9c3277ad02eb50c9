"""The events that each node of a run makes, and their data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from events.otel.mapping.agents import DOINGS, name_services
from events.otel.mapping.drafts import Data, Draft, time_text, without_none
from events.otel.mapping.fitting import short
from events.otel.mapping.handoffs import instruction_of, is_handoff, target_of
from events.otel.mapping.history import Histories, take_results
from events.otel.mapping.reading import WORK, Message, Role
from events.otel.mapping.summaries import complete
from events.otel.mapping.tools import Replies
from events.otel.mapping.tree import Node
from events.otel.spans import Attributes, Span

_SOLITARY = DOINGS | {Role.SETUP, Role.CARRIER}
"""The roles of roots that do not stand for a run."""
_ASKED_FOR = frozenset({Role.TOOL, Role.HANDOFF, Role.AGENT})
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Drafts:
    """The events of a run, also by the node whose start or end they tell."""

    def __init__(self) -> None:
        self.all: list[Draft] = []
        self.starts: dict[int, Draft] = {}
        self.ends: dict[int, Draft] = {}
        self.run_start: Draft | None = None
        self.run_end: Draft | None = None
        self.handoffs: dict[int, list[Draft]] = {}
        """The hand-offs that only a reply tells, by the node of the model."""
        self.asked_by: dict[int, Node] = {}
        """The model call whose reply asked for a tool, by the tool's node."""
        self._resources: dict[int, Data | None] = {}

    def add(self, type: str, node: Node, ids: Sequence[str], data: Data, *, time_ns: int, agent: str | None) -> Draft:
        draft = Draft(type, node, ids, time_ns=time_ns, agent=agent, data=data)
        self.all.append(draft)
        return draft

    def resource(self, attributes: Attributes) -> Data | None:
        """Return what is told of the resource of a span. Thousands of spans may have the same."""
        if id(attributes) not in self._resources:
            self._resources[id(attributes)] = short(attributes) if attributes else None
        return self._resources[id(attributes)]

    def start(self, type: str, node: Node, data: Data, *, ids: Sequence[str] = ()) -> None:
        ids = [*ids, *_ids(node, "start")]
        self.starts[id(node)] = self.add(type, node, ids, data, time_ns=node.started_ns, agent=node.agent)

    def end(self, type: str, node: Node, data: Data, *, time_ns: int | None = None) -> None:
        time_ns = node.ended_ns if time_ns is None else time_ns
        self.ends[id(node)] = self.add(type, node, _ids(node, "end"), data, time_ns=time_ns, agent=node.agent)


def _ids(node: Node, phase: str) -> list[str]:
    """Return the id of an event, and those that it had where only a twin of its node was there."""
    ids = [f"{node.id}:{phase}"]
    if node.twins:
        ids += [f"{twin.id}:{phase}" for twin in node.twins]
    return ids


def tell(timed: list[Node], run_id: str) -> Drafts:
    """Return the events of a run. Their causes are not known yet.

    Args:
        timed: the nodes of the run in the order of time.
        run_id: the beginning of the ids of the events of the run itself.
    """
    drafts = Drafts()
    _accept_handoffs(timed)
    _find_calls(timed, drafts)
    by_spans = _handoffs_of_spans(timed, drafts.asked_by)
    take_results(timed)
    name_services(timed)
    histories = Histories(timed)
    root = _root_of(timed)
    is_foreign = root is not None and root.role == Role.OTHER
    if root is not None and root.role != Role.AGENT:
        root.role = Role.WORKFLOW
    complete(timed, root)
    failed_ids = _failed_inside(timed)
    reply_times = _replied_ns(timed, drafts.asked_by)
    for node in timed:
        if node.role == Role.MODEL:
            _tell_model(node, drafts, histories, replied_ns=reply_times.get(id(node), node.ended_ns))
            _tell_handoffs(node, drafts, by_spans)
        elif node.role in _TELLERS:
            _TELLERS[node.role](node, drafts)
        elif node is not root:
            _tell_step(node, drafts, failed_ids)
    if root is not None:
        _tell_run(root, timed, drafts, run_id, more=_as_it_came(root.span, drafts) if is_foreign else {})
    return drafts


def _accept_handoffs(timed: list[Node]) -> None:
    """Let a hand-off be done if the agent that it leads to has begun within it: what failed then is this agent."""
    for node in timed:
        above = node.above
        if node.role == Role.AGENT and above is not None and above.role == Role.HANDOFF and above.error is not None:
            node.error = node.error or above.error
            above.error = None


def _find_calls(timed: list[Node], drafts: Drafts) -> None:
    """Find the reply that asked for each tool."""
    replies = Replies()
    for node in timed:
        if node.role == Role.MODEL:
            replies.add(node)
        elif node.role in (Role.TOOL, Role.HANDOFF):
            if (model := replies.asked_for(node)) is not None:
                drafts.asked_by[id(node)] = model
        elif node.role == Role.AGENT and (model := replies.asked_for_agent(node)) is not None:
            drafts.asked_by[id(node)] = model
    working_ids = {id(node.agent_node) for node in timed if node.role in DOINGS}
    for agent in replies.left.values():
        if agent is not None and id(agent) not in working_ids:
            agent.role = Role.CARRIER  # it only ran the tools of other agents


def _handoffs_of_spans(timed: list[Node], asked_by: dict[int, Node]) -> set[str]:
    """Return the ids of the hand-offs that replies ask for and spans tell. Of several spans of one, the first tells it.

    A hand-off that failed may be tried again.
    """
    nodes: dict[str, Node] = {}
    for node in timed:
        if node.role == Role.HANDOFF and (model := asked_by.get(id(node))) is not None:
            id_, *_ = _handoff_ids(model, node.place)
            first = nodes.setdefault(id_, node)
            if first.error is not None:
                nodes[id_] = node
            elif first is not node and node.error is None:
                node.fold_into(first)
    return set(nodes)


def _handoff_ids(model: Node, place: int) -> list[str]:
    """Return the ids of a hand-off that a reply asks for, whether a span tells it or the reply alone."""
    return _ids(model, f"handoff:{place}")


def _root_of(timed: list[Node]) -> Node | None:
    """Return the root that stands for the run. The call of a model or a tool alone is no run."""
    if not any(node.role in DOINGS or node.role in (Role.AGENT, Role.WORKFLOW, Role.STEP) for node in timed):
        return None
    return next((node for node in timed if node.is_root and node.role not in _SOLITARY), None)


def _failed_inside(timed: list[Node]) -> set[int]:
    """Return the nodes below which something failed, so that their own failure only repeats it."""
    failed_ids: set[int] = set()
    for node in timed:
        parent = node.parent if node.error is not None else None
        while parent is not None and id(parent) not in failed_ids:
            failed_ids.add(id(parent))
            parent = parent.parent
    return failed_ids


def _replied_ns(timed: list[Node], asked_by: dict[int, Node]) -> dict[int, int]:
    """Return when models replied whose spans were still open: before what they asked for, or what is within them."""
    reply_times: dict[int, int] = {}
    for node in timed:
        if node.role in _ASKED_FOR:
            within = node.above if node.above is not None and node.above.role == Role.MODEL else None
            for model in (asked_by.get(id(node)), within):
                if model is not None:
                    replied_ns = max(model.started_ns, min(node.started_ns, model.ended_ns))
                    reply_times[id(model)] = min(reply_times.get(id(model), replied_ns), replied_ns)
    return reply_times


def _tell_run(root: Node, timed: list[Node], drafts: Drafts, run_id: str, *, more: Data) -> None:
    """Tell the run as a whole, until its last trace has ended. An agent that is its root has events of its own, too.

    The ids are those of the run: which of its roots stands for it may depend on what came before it is mapped.
    """
    agent = root.agent if root.role == Role.AGENT else None
    reading, error, started_ns = root.reading, root.error, root.started_ns
    name = reading.name or root.span.name
    data = without_none(name=name, task=reading.task, **more)
    ids = [f"{run_id}:start"]
    drafts.run_start = drafts.add("workflow.started", root, ids, data, time_ns=root.started_ns, agent=agent)
    ended_ns = max(node.ended_ns for node in timed if node.is_root)
    output = reading.output if error is None else None
    data = without_none(
        name=name, output=output, error=error, duration_ms=_ms(ended_ns - started_ns) if started_ns else None
    )
    type = _outcome("workflow", "finished", error)
    drafts.run_end = drafts.add(type, root, [f"{run_id}:end"], data, time_ns=ended_ns, agent=agent)


def _tell_agent(node: Node, drafts: Drafts) -> None:
    reading, error = node.reading, node.error
    drafts.start("agent.started", node, without_none(name=node.agent, task=reading.task))
    output = reading.output if error is None else None
    data = without_none(name=node.agent, output=output, error=error, duration_ms=_duration(node))
    drafts.end(_outcome("agent", "finished", error), node, data)


def _tell_tool(node: Node, drafts: Drafts) -> None:
    reading, error = node.reading, node.error
    name, call_id = reading.name or node.span.name, reading.call_id
    drafts.start("tool.called", node, without_none(name=name, arguments=reading.arguments, call_id=call_id))
    result = reading.result if error is None else None
    data = without_none(name=name, result=result, error=error, call_id=call_id, duration_ms=_duration(node))
    drafts.end(_outcome("tool", "returned", error), node, data)


def _tell_handoff(node: Node, drafts: Drafts) -> None:
    reading = node.reading
    if node.error is not None:
        name = reading.name or node.span.name
        drafts.end("step.failed", node, without_none(name=name, error=node.error, duration_ms=_duration(node)))
    else:
        model = drafts.asked_by.get(id(node))
        ids = () if model is None else _handoff_ids(model, node.place)
        drafts.start("task.delegated", node, _delegation(reading.target, node.agent, reading.arguments), ids=ids)


def _delegation(target: str | None, by: str | None, arguments: Any) -> Data:
    return without_none(target=target, by=by, instruction=instruction_of(arguments))


def _tell_handoffs(node: Node, drafts: Drafts, by_spans: set[str]) -> None:
    """Tell the hand-offs that a reply asks for, where no span tells them."""
    for place, call in enumerate((node.reading.reply or {}).get("tool_calls", ()), 1):
        arguments = call.get("arguments")
        target = target_of(call["name"], arguments) if is_handoff(call["name"]) else None
        if target is not None and (ids := _handoff_ids(node, place))[0] not in by_spans:
            data = _delegation(target, node.agent, arguments)
            time_ns = drafts.ends[id(node)].time_ns
            draft = drafts.add("task.delegated", node, ids, data, time_ns=time_ns, agent=node.agent)
            drafts.handoffs.setdefault(id(node), []).append(draft)


def _tell_model(node: Node, drafts: Drafts, histories: Histories, *, replied_ns: int) -> None:
    reading, error = node.reading, node.error
    reply: Message = reading.reply or {}
    data = without_none(
        role=reply.get("role", "assistant") if error is None else None,
        content=reply.get("content"),
        reasoning=reply.get("reasoning"),
        tool_calls=reply.get("tool_calls"),
        attachments=reply.get("attachments"),
        error=error,
        model=reading.model,
        provider=reading.provider,
        **(reading.usage or {}),
        finish_reason=reading.finish_reason,
        started_at=time_text(node.started_ns),
        duration_ms=_ms(replied_ns - node.started_ns) if node.started_ns else None,
        messages=histories.news(node),
    )
    drafts.end(_outcome("model", "replied", error), node, data, time_ns=replied_ns)


def _tell_work(node: Node, drafts: Drafts) -> None:
    reading, error = node.reading, node.error
    data = without_none(
        name=reading.name or node.span.name,
        model=reading.model,
        input=reading.task,
        output=reading.output,
        **(reading.usage or {}),
        error=error,
        duration_ms=_duration(node),
    )
    drafts.end(_outcome(node.role, "finished", error), node, data)


def _tell_step(node: Node, drafts: Drafts, failed_ids: set[int]) -> None:
    if node.error is not None and id(node) not in failed_ids:
        name = node.reading.name or node.span.name
        drafts.end("step.failed", node, without_none(name=name, error=node.error, duration_ms=_duration(node)))


def _tell_other(node: Node, drafts: Drafts) -> None:
    """Tell a span that no convention knows."""
    content = _as_it_came(node.span, drafts)
    data = without_none(name=node.span.name, **content, error=node.error, duration_ms=_duration(node))
    drafts.end(_outcome("span", "ended", node.error), node, data)


def _as_it_came(span: Span, drafts: Drafts) -> Data:
    """Return what a span says besides its name and its times."""
    events = [
        without_none(name=event.name, time=time_text(event.time_ns), attributes=event.attributes or None)
        for event in span.events
    ]
    links = [{"trace": link.trace_id, "span": link.span_id} for link in span.links]
    return without_none(
        kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else None,
        attributes=span.attributes,
        events=events or None,
        links=links or None,
        resource=drafts.resource(span.resource),
    )


_TELLERS: dict[str, Callable[[Node, Drafts], None]] = {
    Role.AGENT: _tell_agent,
    Role.TOOL: _tell_tool,
    Role.HANDOFF: _tell_handoff,
    Role.OTHER: _tell_other,
    **dict.fromkeys(WORK, _tell_work),
}


def _outcome(noun: str, success: str, error: object) -> str:
    return f"{noun}.{success if error is None else 'failed'}"


def _duration(node: Node) -> float | int | None:
    """Return how long a span took; None if its clock told no start."""
    return _ms(node.ended_ns - node.started_ns) if node.started_ns else None


def _ms(nanoseconds: int) -> float | int:
    """Return milliseconds: with tenths if they are less than a second."""
    tenths = round(nanoseconds / 100_000)
    return tenths / 10 if tenths < 10_000 and tenths % 10 else tenths // 10
