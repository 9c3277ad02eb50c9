"""LangGraph: callbacks become events, and checkpoints the states that a replay shows.

from eventsite_client.adapters.langgraph import EventsiteHandler

handler = EventsiteHandler()
graph = builder.compile(checkpointer=handler.watch(InMemorySaver()))
graph.invoke(state, {"callbacks": [handler], "configurable": {"thread_id": "order-1004"}})
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphBubbleUp

from eventsite_client.adapters._data import Data, error_of
from eventsite_client.adapters._langchain import LangChainHandler, Place, last_text
from eventsite_client.adapters._runs import guarded
from eventsite_client.adapters._states import States

Saver = TypeVar("Saver", bound=BaseCheckpointSaver[Any])
_INTERNAL = ("__", "branch:", "join:")
"""How the names of channels begin that are no part of the state."""


class EventsiteHandler(LangChainHandler):
    """Tells callbacks and checkpoints. `Adapter` describes the arguments."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._threads: dict[str, States] = {}

    @guarded
    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **more: Any) -> None:
        about, key = more.get("metadata") or {}, str(run_id)
        name = more.get("name") or about.get("langgraph_node") or "graph"
        if (above := self.places.get(str(more.get("parent_run_id")))) is None:
            thread = str(about.get("thread_id") or about.get("session_id") or key)
            run = self.open(key, conversation=thread)
            run.start(name, task=last_text(inputs))
            self._threads[thread] = States(run)
            above = Place("run", run, run.root)
        run, scope, caller = above.run, above.scope, above.caller
        is_node = any(tag.startswith("graph:step:") for tag in more.get("tags") or ())
        if about.get("lc_agent_name") == name and scope.agent != name:
            scope = run.agent(key, name, scope, task=last_text(inputs), caller=caller)
            self.places[key] = Place("agent", run, scope, None, about)
        elif is_node and scope.agent is None:
            scope = run.branch(key, scope, caller=caller, stage=about.get("langgraph_step"))
            self.places[key] = Place("branch", run, scope, None, about)
        else:
            self.places[key] = Place("node" if is_node else "chain", run, scope, caller, about)

    @guarded
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            if place.kind == "agent":
                place.run.end_agent(place.scope)
            elif place.kind == "branch":
                place.run.join(place.scope)
            if place.run.id == str(run_id):
                place.run.end(output=last_text(outputs))

    @guarded
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        place = self.places.get(key := str(run_id))
        if place is None or isinstance(error, GraphBubbleUp):
            self.on_chain_end(None, run_id=run_id)
            return
        del self.places[key]
        run, reason = place.run, error_of(error)
        if place.kind == "agent":
            run.end_agent(place.scope, error=reason)
        elif place.kind != "chain" and run.failure is not error:
            run.other("step.failed", key, place.scope, name=place.about["langgraph_node"], error=reason)
        run.failure = error
        if run.id == key:
            run.end(error=reason)

    def watch(self, saver: Saver) -> Saver:
        """Tell the state of each checkpoint that a saver keeps from now on. Return the saver."""
        put, aput = saver.put, saver.aput

        def put_and_tell(config: Any, checkpoint: Any, *others: Any) -> Any:
            self._tell_state(config["configurable"], checkpoint)
            return put(config, checkpoint, *others)

        async def aput_and_tell(config: Any, checkpoint: Any, *others: Any) -> Any:
            self._tell_state(config["configurable"], checkpoint)
            return await aput(config, checkpoint, *others)

        vars(saver).update(put=put_and_tell, aput=aput_and_tell)
        return saver

    @guarded
    def _tell_state(self, about: Data, checkpoint: Data) -> None:
        states = self._threads.get(str(about.get("thread_id")))
        if states and not about.get("checkpoint_ns"):
            values = checkpoint["channel_values"].items()
            state = {name: value for name, value in values if not name.startswith(_INTERNAL)}
            states.tell(checkpoint["id"], state, at=datetime.fromisoformat(checkpoint["ts"]))
