"""CrewAI: what its event bus says becomes events.

from eventsite_client.adapters.crewai import EventsiteListener

listener = EventsiteListener()  # before the crew is kicked off; keep it
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from crewai.events import crewai_event_bus
from crewai.events.base_events import BaseEvent

from eventsite_client._sync.client import Client
from eventsite_client.adapters._data import Data, error_of
from eventsite_client.adapters._messages import Message, merged, message, messages_of, parsed
from eventsite_client.adapters._order import InOrder
from eventsite_client.adapters._runs import Adapter, Run, guarded
from eventsite_client.adapters._scopes import Scope


class _Place(NamedTuple):
    """The place of an event: its run, the scope in it, and the event of the tool's call around it."""

    run: Run
    scope: Scope
    caller: str | None
    at: datetime


class EventsiteListener(Adapter):
    """Listens to the event bus from now on. `Adapter` describes the arguments."""

    def __init__(self, client: Client | None = None, *, content: bool = True) -> None:
        super().__init__(client, content=content)
        self._places: dict[str, _Place] = {}
        self._order = InOrder()
        for kind in _kinds(BaseEvent):
            crewai_event_bus.on(kind)(self.hear)

    @guarded
    def hear(self, source: Any, event: Any) -> None:
        """Take an event. Handlers of the bus run in threads, so events come in any order."""
        parent = event.parent_event_id or event.started_event_id
        if parent is None and not event.type.endswith("_started"):
            return  # it is of no run, and nothing is below it
        for ready in self._order.put(event, event.event_id, parent, event.emission_sequence or 0):
            self._handle(ready)

    @guarded
    def _handle(self, event: Any) -> None:
        above = self._places.get(event.started_event_id or "") or self._places.get(event.parent_event_id or "")
        if above is None and event.type in ("crew_kickoff_started", "flow_started"):
            run = self.open(event.event_id)
            run.start(
                getattr(event, "crew_name", None) or getattr(event, "flow_name", None) or "crew", at=event.timestamp
            )
            self._places[event.event_id] = _Place(run, run.root, None, event.timestamp)
        elif above is not None and event.started_event_id == above.run.id:
            output = getattr(event, "output", None) or getattr(event, "result", None)
            above.run.end(output=getattr(output, "raw", output), error=_error(event), at=event.timestamp)
            self._places = {id: place for id, place in self._places.items() if place.run is not above.run}
        elif above is not None:
            self._places[event.event_id] = self._place(event, above)
        if event.started_event_id and event.started_event_id not in self._places:
            self._order.forget(event.started_event_id)

    def _place(self, event: Any, above: _Place) -> _Place:
        """Record an event of a run, and return the place of what happens within it."""
        run, scope, at, kind = above.run, above.scope, event.timestamp, event.type
        key = event.started_event_id or event.event_id
        if kind == "agent_execution_started":
            scope = run.agent(key, event.agent.role.strip(), scope, task=event.task_prompt, caller=above.caller, at=at)
            return _Place(run, scope, None, at)
        if kind == "tool_usage_started":
            caller = run.call(key, scope, event.tool_name, arguments=parsed(event.tool_args), at=at)
            return _Place(run, scope, caller, at)
        if kind.startswith("agent_execution_"):
            run.end_agent(scope, output=getattr(event, "output", None), error=_error(event), at=at)
        elif kind in ("tool_usage_finished", "tool_usage_error"):
            run.result(key, parsed(getattr(event, "output", None)), error=_error(event), at=at)
        elif kind == "llm_call_completed":
            history, usage = messages_of(event.messages), event.usage or {}
            run.reply(
                key, scope, _reply(event.response), history=history, began=above.at, at=at, model=event.model,
                input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens"),
            )  # fmt: skip
        elif kind == "llm_call_failed":
            run.model_failed(key, scope, {"message": str(event.error)}, began=above.at, at=at, model=event.model)
        elif kind == "task_failed":
            run.other("step.failed", key, scope, name=event.task_name, error=_error(event), at=at)
        return above._replace(at=at)


def _kinds(kind: Any) -> set[Any]:
    """Return all kinds of events: their numbers have no gaps."""
    return {each for below in kind.__subclasses__() for each in (below, *_kinds(below))}


def _error(event: Any) -> Data | None:
    error = getattr(event, "error", None)
    return None if error is None else error_of(error) if isinstance(error, BaseException) else {"message": str(error)}


def _reply(response: Any) -> Message:
    """Return a reply: a text, or the calls of tools as the model's library has them."""
    if not isinstance(response, list):
        return message("assistant", response if isinstance(response, str) else str(response))
    calls = [each if isinstance(each, dict) else each.model_dump() for each in response]
    return merged(messages_of([{"role": "assistant", "tool_calls": calls}]))
