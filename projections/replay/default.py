"""The projection of a replay for which nobody chose one: `agent_run` for a run of agents, else `latest`.

The first events of a source decide. They stay the first ones, so every step of a replay has the same projection.
"""

from __future__ import annotations

from collections.abc import Collection

from events.reading import store
from events.reading.db_work import DbWork
from projections import registry
from projections.catalog.agent_run import agent_run
from projections.catalog.latest import latest
from projections.catalog.run import run
from projections.definition.projection import Projection
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource

_FIRST_EVENTS = 10
_MESSAGES = run.handlers.keys() - agent_run.handlers.keys() - {"*"}
"""The types of other kinds of runs, which also call tools."""
_SHARED = ("tool.", "task.")
"""The beginnings of the types that runs of all kinds have."""
_NEUTRAL = ("span.", "state.")
"""The beginnings of the types that tell nothing: spans that no convention knows, and states of any application."""


def default_projection(log_id: int, source: Source) -> DbWork[Projection]:
    """Return the projection for the events of a source. A stream, a workflow or an agent may be a run of agents."""
    if isinstance(source, StreamSource):
        events = yield store.stream_types(log_id, source.name, limit=_FIRST_EVENTS)
    elif isinstance(source, WorkflowSource | AgentSource):
        events = yield store.types(log_id, source.condition, limit=_FIRST_EVENTS)
    else:
        events = []
    return registry.get((agent_run if is_agent_run(events, is_whole=source.is_whole) else latest).name)


def is_agent_run(events: Collection[tuple[str, str]], *, is_whole: bool = True) -> bool:
    """Whether events, given as types and streams, begin a run of agents.

    Most of them are of types that `agent_run` knows. Some of these belong to no other kind of run, or the source has
    all events of its run (`is_whole`), and there is no message of another kind. A span of any kind tells nothing, and
    a state neither. An event in the stream of an agent, such as `agent-router`, tells of the agent's process.
    """
    events = [(type, stream) for type, stream in events if not type.startswith(_NEUTRAL)]
    known = [type for type, stream in events if type in agent_run.handlers and not stream.startswith("agent-")]
    is_distinct = any(not type.startswith(_SHARED) for type in known)
    has_messages = any(type in _MESSAGES for type, _ in events)
    return 2 * len(known) > len(events) and (is_distinct or (is_whole and not has_messages))
