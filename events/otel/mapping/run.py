"""A run becomes events: `map_run()`. Pure.

A run is a trace, or several that links tie. The same spans give the same events, whatever the order and the number of
times in which they came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from events.otel.mapping import flattened, messages
from events.otel.mapping.agents import name_agents
from events.otel.mapping.causes import find_causes
from events.otel.mapping.conventions import Reader, read
from events.otel.mapping.drafts import Draft, in_order, time_text
from events.otel.mapping.fitting import USUAL, Cuts, Limits, fitted_data, fitted_name
from events.otel.mapping.reading import SILENT
from events.otel.mapping.telling import tell
from events.otel.mapping.tree import Node, tree_of
from events.otel.runs import STREAM_PREFIX
from events.otel.spans import LogRecord, Span

_MAX_ORIGINAL_CHARACTERS = 1_000
_MAX_ORIGIN_CHARACTERS = 200
"""Of the names of a scope and of a service, which thousands of spans have in common."""


class RunName(Struct, frozen=True, gc=False):
    """The stream and the workflow of all events of a run."""

    stream: str
    correlation_id: str


class MappedEvent(Struct, frozen=True, gc=False):
    """One event to append. `data` and `metadata` are JSON; `occurred_at` is RFC 3339, or None if no clock told it."""

    id: str
    stream: str
    type: str
    agent: str | None
    data: bytes
    metadata: bytes
    correlation_id: str
    causation_id: str | None
    occurred_at: str | None


class MappedRun(Struct, frozen=True):
    """The events of a run in the order in which they are to be appended.

    `other_ids` are ids that some of them had if they were appended when other spans of the run had not come.
    """

    name: RunName
    events: list[MappedEvent]
    other_ids: frozenset[str] = frozenset()


def map_run(
    spans: Iterable[Span],
    records: Iterable[LogRecord] = (),
    *,
    name: RunName | None = None,
    ids_in_log: Collection[str] = (),
    limits: Limits = USUAL,
    read: Reader = read,
) -> MappedRun:
    """Map the spans of a run, and the log records that belong to them.

    Args:
        spans: at least one span, in any order, also several times.
        records: in any order.
        name: the name that the run was given when other spans of it were mapped before.
        ids_in_log: those of the run's `other_ids` that the log has. Their events keep these ids.
        limits: what the log takes.
        read: returns what a span says.
    """
    try:
        nodes, timed = tree_of(spans, _once(records), read=read)
        name_agents(nodes)
        name = name or _name_of(timed, limits)
        drafts = tell(timed, _run_id(name))
        find_causes(nodes, timed, drafts)
        ordered = in_order(drafts.all)
        other_ids = frozenset([id for draft in ordered if draft.other_ids for id in draft.other_ids])
        for draft in ordered if ids_in_log else ():
            draft.id = next((id for id in draft.other_ids if id in ids_in_log), draft.id)
        agents = {agent: fitted_name(agent, limits.name_characters) for agent in {draft.agent for draft in ordered}}
        events = [_event(draft, name, agents[draft.agent], limits) for draft in ordered]
        return MappedRun(name, events, other_ids)
    finally:
        messages.forget()
        flattened.forget()


def _once(records: Iterable[LogRecord]) -> Sequence[LogRecord]:
    """Return each record once, in an order that does not depend on that of their arrival."""
    return [record for _, record in sorted({repr(record): record for record in records}.items())]


def _name_of(timed: list[Node], limits: Limits) -> RunName:
    """Name a run after its first trace, and its workflow after the conversation that its root belongs to."""
    first = next((node for node in timed if node.is_root and node.role not in SILENT), timed[0])
    roots = (node for node in timed if node.is_root)
    conversation = next((node.reading.conversation for node in (*roots, *timed) if node.reading.conversation), None)
    trace_id = first.span.trace_id
    return RunName(f"{STREAM_PREFIX}{trace_id}", fitted_name(conversation, limits.name_characters) or trace_id)


def _run_id(name: RunName) -> str:
    """Return the beginning of the ids of a run's own events. Like all others they begin with a trace."""
    return f"{name.stream.removeprefix(STREAM_PREFIX)}:run"


def _event(draft: Draft, name: RunName, agent: str | None, limits: Limits) -> MappedEvent:
    data, cuts = fitted_data(draft.data, limits)
    whole = draft.node.span.resource
    if len(draft.data.get("resource", whole)) < len(whole):
        cuts = {"/resource": {"items": len(whole)}, **cuts}
    return MappedEvent(
        id=draft.id,
        stream=name.stream,
        type=draft.type,
        agent=agent,
        data=data,
        metadata=_metadata(draft, cuts, draft.agent if agent != draft.agent else None, limits),
        correlation_id=name.correlation_id,
        causation_id=None if draft.cause is None else draft.cause.id,
        occurred_at=time_text(draft.time_ns),
    )


def _metadata(draft: Draft, cuts: Cuts, full_agent: str | None, limits: Limits) -> bytes:
    node = draft.node
    if not draft.links and full_agent is None and not cuts:
        if node.metadata is None:
            node.metadata, _ = fitted_data({"otel": _origin(node)}, limits)
        return node.metadata
    metadata: dict[str, object] = {"otel": _origin(node)}
    if draft.links:
        metadata["links"] = [link.id for link in draft.links]
    if full_agent is not None:
        metadata["full_agent"] = full_agent[:_MAX_ORIGINAL_CHARACTERS]
    if cuts:
        metadata["cut"] = cuts
    return fitted_data(metadata, limits)[0]


def _origin(node: Node) -> dict[str, object]:
    """Return what tells the span that an event comes from."""
    span = node.span
    origin: dict[str, object] = {"trace": span.trace_id, "span": span.span_id}
    if span.parent_id is not None:
        origin["parent"] = span.parent_id
    origin["name"], origin["scope"] = span.name, span.scope[:_MAX_ORIGIN_CHARACTERS]
    if isinstance(service := span.resource.get("service.name"), str):
        origin["service"] = service[:_MAX_ORIGIN_CHARACTERS]
    return origin
