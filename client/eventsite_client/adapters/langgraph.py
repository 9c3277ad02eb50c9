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
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Command

from eventsite_client.adapters._data import Data, error_of
from eventsite_client.adapters._langchain import LangChainHandler, Place, last_text
from eventsite_client.adapters._runs import Run, guarded
from eventsite_client.adapters._states import States

Saver = TypeVar("Saver", bound=BaseCheckpointSaver[Any])
_INTERNAL = ("__", "branch:", "join:")
"""The beginnings of names of channels that are no part of the state."""
_MAX_THREADS = 1_000


class EventsiteHandler(LangChainHandler):
    """Records callbacks and checkpoints. `Adapter` describes the arguments."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._threads: dict[str, tuple[Run, States]] = {}
        """The last run of each thread, which may wait for an answer, and its states, of which one comes after it."""

    @guarded
    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **more: Any) -> None:
        about, key = more.get("metadata") or {}, str(run_id)
        name = more.get("name") or about.get("langgraph_node") or "graph"
        above = self.places.get(str(more.get("parent_run_id")))
        run = above.run if above else self._outermost_run(key, about, name, inputs)
        scope, caller = (above.scope, above.caller) if above else (run.root, None)
        is_node = any(tag.startswith("graph:step:") for tag in more.get("tags") or ())
        kind = "node" if is_node else "chain"
        if about.get("lc_agent_name") == name and scope.agent != name:
            kind, task = "agent", last_text(inputs)
            scope, caller = run.agent_again(name) or run.agent(key, name, scope, task=task, caller=caller), None
        elif is_node and scope.agent is None:
            kind = "branch"
            scope, caller = run.branch(key, scope, caller=caller, stage=about.get("langgraph_step")), None
        self.places[key] = Place(kind, run, scope, caller, about, is_outermost=above is None)

    def _outermost_run(self, key: str, about: Data, name: str, inputs: Any) -> Run:
        """Return the run that begins in a thread, or the one there that goes on with an answer."""
        thread = str(about.get("thread_id") or about.get("session_id") or key)
        last, _ = self._threads.get(thread, (None, None))
        if last and last.waits and (inputs is None or isinstance(inputs, Command)):
            last.resume(key, getattr(inputs, "resume", None))
            return last
        if last and last.waits:
            last.end()
        run = self.open(key, conversation=thread)
        run.start(name, task=last_text(inputs))
        if len(self._threads) >= _MAX_THREADS:
            del self._threads[next(iter(self._threads))]
        self._threads[thread] = (run, States(run))
        return run

    @guarded
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            if place.kind == "agent" and not place.scope.waits:
                place.run.end_agent(place.scope)
            elif place.kind == "branch":
                place.run.join(place.scope)
            if place.is_outermost and not place.run.waits:
                place.run.end(output=last_text(outputs))

    @guarded
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        place = self.places.get(key := str(run_id))
        if place is not None and isinstance(error, GraphInterrupt):
            place.scope.waits = True
            for question in error.args[0]:
                place.run.ask(question.id, place.scope, question.value)
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
        if place.is_outermost:
            run.end(error=reason)

    @guarded
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        if isinstance(error, GraphBubbleUp):  # the call is made again when its question is answered
            self.places.pop(str(run_id), None)
        else:
            super().on_tool_error(error, run_id=run_id, **more)

    def watch(self, saver: Saver) -> Saver:
        """Record the state of each checkpoint that a saver keeps from now on. Return the saver."""
        put, aput = saver.put, saver.aput

        def put_and_record(config: Any, checkpoint: Any, *others: Any) -> Any:
            self._record_state(config["configurable"], checkpoint)
            return put(config, checkpoint, *others)

        async def aput_and_record(config: Any, checkpoint: Any, *others: Any) -> Any:
            self._record_state(config["configurable"], checkpoint)
            return await aput(config, checkpoint, *others)

        vars(saver).update(put=put_and_record, aput=aput_and_record)
        return saver

    @guarded
    def _record_state(self, about: Data, checkpoint: Data) -> None:
        _, states = self._threads.get(str(about.get("thread_id")), (None, None))
        if states and not about.get("checkpoint_ns"):
            values = checkpoint["channel_values"].items()
            state = {name: value for name, value in values if not name.startswith(_INTERNAL)}
            states.record(checkpoint["id"], state, at=datetime.fromisoformat(checkpoint["ts"]))
