"""AG-UI: the events of a run, on either side of the protocol, become events of the log.

    from eventsite_client.adapters.ag_ui import EventsiteRuns

    runs = EventsiteRuns(agent="planner")
    async for event in runs.watch(agent.run(input)):  # the same events, one by one
        ...

The pieces of a text, and those of a call, become one event. States are recorded as they come: whole, or as JSON Patch.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, TypeVar

from eventsite_client._sync.client import Client
from eventsite_client.adapters._ag_ui import Stream
from eventsite_client.adapters._runs import Adapter, guarded

E = TypeVar("E")


class EventsiteRuns(Adapter):
    """Records the events of an agent's runs: objects of `ag_ui.core`, or what their JSON says."""

    def __init__(self, client: Client | None = None, *, agent: str = "agent", content: bool = True) -> None:
        """Make an adapter. `Adapter` describes the other arguments."""
        super().__init__(client, content=content)
        self._agent = agent

    async def watch(self, events: AsyncIterable[E]) -> AsyncIterator[E]:
        """Yield the events of runs, which are recorded as they pass. A run that breaks off is stopped."""
        stream = Stream(self, self._agent)
        try:
            async for event in events:
                self._handle(stream, event)
                yield event
        finally:
            self._end(stream)

    def watch_in_thread(self, events: Iterable[E]) -> Iterator[E]:
        """Yield the events of runs that come without asyncio."""
        stream = Stream(self, self._agent)
        try:
            for event in events:
                self._handle(stream, event)
                yield event
        finally:
            self._end(stream)

    @guarded
    def _handle(self, stream: Stream, event: Any) -> None:
        stream.handle(event if isinstance(event, dict) else _members(event))

    @guarded
    def _end(self, stream: Stream) -> None:
        stream.end()


def _members(event: Any) -> dict[str, Any]:
    """Return what the JSON of an event says. A null within a state or a patch is a value, and stays."""
    members = event.model_dump(by_alias=True).items()
    return {name: value for name, value in members if value is not None or name == "snapshot"}
