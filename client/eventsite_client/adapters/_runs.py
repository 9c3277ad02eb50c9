"""A run of agents as a stream of events, which adapters record while it happens, all in the same words.

The words, the data and the causes are those of runs that come as traces: so both read the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from threading import RLock
from typing import Any, NamedTuple, TypeVar, cast

from eventsite_client._core.context import current
from eventsite_client._sync.client import Client
from eventsite_client.adapters._data import Data, duration, instruction_of, now, outcome, timing, without_content
from eventsite_client.adapters._fitting import fitted, fitted_name
from eventsite_client.adapters._messages import Message
from eventsite_client.adapters._scopes import Scope
from eventsite_client.types import NewEvent

_MAX_RUNS = 1_000
_TRANSFER = "transfer_to_"

logger = logging.getLogger("eventsite_client")


class Adapter:
    """The base of the adapters: the client that sends, the open runs, and errors that the application never sees."""

    def __init__(self, client: Client | None = None, *, content: bool = True) -> None:
        """Make an adapter.

        Args:
            client: the client that sends in the background. Without one, it is made from `EVENTSITE_URL` and
                `EVENTSITE_TOKEN`, and drops events rather than let the application wait.
            content: whether events say what was talked about: texts, arguments, results, states, reasons of errors.
        """
        self.client = client or Client(when_full="drop")
        self.has_content = content
        self.lock = RLock()
        self.runs: dict[str, Run] = {}
        self._has_warned = False

    def open(self, id: str, *, conversation: str | None = None) -> Run:
        """Return a new run. Of too many that never ended, the oldest is forgotten."""
        if len(self.runs) >= _MAX_RUNS:
            del self.runs[next(iter(self.runs))]
        run = self.runs[id] = Run(self, id, conversation)
        return run

    def warn(self) -> None:
        """Say once that an adapter failed: the application goes on."""
        level = logging.DEBUG if self._has_warned else logging.ERROR
        self._has_warned = True
        logger.log(level, "%s failed; events may be missing", type(self).__name__, exc_info=True)


Method = TypeVar("Method", bound=Callable[..., None])


def guarded(method: Method) -> Method:
    """Return a method of an adapter that runs in one thread at a time, and never raises."""

    @wraps(method)
    def call(self: Adapter, *arguments: Any, **options: Any) -> None:
        try:
            with self.lock:
                method(self, *arguments, **options)
        except Exception:
            self.warn()

    return cast("Method", call)


class _Call(NamedTuple):
    """The call of a tool that is under way."""

    event: str
    name: str
    call_id: str | None
    agent: str | None
    scope: Scope
    began: datetime


class Run:
    """A run that is recorded. Keys are the framework's own ids: the same happening gets the same id of its event."""

    def __init__(self, adapter: Adapter, id: str, conversation: str | None) -> None:
        self.id = id
        self.root = Scope("run", None, ())
        self.name: str | None = None
        self.places: dict[str, tuple[Scope, str | None]] = {}
        """The places of all work under way, by its key: the scope, and the event of the tool's call around it."""
        self.failure: BaseException | None = None
        """The last error that was recorded, which frameworks report again at each level that it passes."""
        self.calls: dict[str, Data] = {}
        """The calls that replies asked for and that have not begun, by their ids."""
        self._adapter = adapter
        self._stream = fitted_name(f"run-{id}")
        self._workflow = fitted_name(conversation or current().workflow or id)
        self._handoffs: dict[str, tuple[str, Any]] = {}
        self._open_calls: dict[str, _Call] = {}
        self._open_agents: dict[str, Scope] = {}
        self.waits = False
        """Whether it stopped for somebody's answer, and goes on with it."""
        self._questions: dict[str, str] = {}
        """The events of the questions that were recorded, by their keys."""
        self._recorded: set[tuple[str, Any]] = set()
        """The contents and the calls of replies, and the calls whose results are recorded."""
        self._state: str | None = None

    def start(self, name: str, *, task: Any = None, at: datetime | None = None) -> None:
        """Record that the run starts."""
        self.name, self.root.began = name, at or now()
        id = self.emit("workflow.started", "start", None, (), at=at, name=name, task=task)
        self.root.base = [id]

    def end(self, *, output: Any = None, error: Data | None = None, at: datetime | None = None) -> None:
        """Record that the run ends, with which it is forgotten. Without an output, it fails as its last agent did."""
        self._adapter.runs.pop(self.id, None)
        interruption = self._stop_inside(self.root, at)
        error = error or interruption or (self.root.error if output is None else None)
        output = (self.root.output if output is None else output) if error is None else None
        causes = [self.root.last] if self.root.last else self.root.base
        self.emit(
            outcome("workflow", "finished", error), "end", None, causes, at=at,
            name=self.name, output=output, error=error, duration_ms=duration(self.root.began, at),
        )  # fmt: skip

    def ask(self, key: str, scope: Scope, question: Any) -> None:
        """Record that the run waits for somebody's answer to a question. What is under way in it goes on with that."""
        self.waits = True
        if key not in self._questions:
            data = {"name": self.name, "question": question}
            causes = scope.follow()
            self._questions[key] = self.emit(
                "workflow.input_requested", f"{key}:asked", scope.agent, causes, scope=scope, **data
            )

    def resume(self, key: str, answer: Any) -> None:
        """Record that the run goes on with an answer."""
        self.waits = False
        causes = [*self._questions.values()][-1:]
        data = {"name": self.name, "answer": answer}
        self.emit("workflow.input_received", f"{key}:answered", None, causes, scope=self.root, **data)

    def agent_again(self, name: str) -> Scope | None:
        """Return the scope of an agent of this name that stopped for an answer and now goes on; None if none did."""
        scope = next((each for each in self._open_agents.values() if each.agent == name and each.waits), None)
        if scope is not None:
            scope.waits = False
        return scope

    def branch(self, key: str, parent: Scope, *, caller: str | None = None, stage: Any = None) -> Scope:
        """Return a part of a scope that may run beside others."""
        scope = Scope(key, parent.agent, [caller] if caller else parent.follow(stage), parent)
        scope.seen = parent.seen
        return scope

    def join(self, scope: Scope) -> None:
        """Record nothing: what follows in the parent of a branch has its last event as a cause."""
        if scope.parent is not None and scope.last is not None:
            scope.parent.returned(scope.last)
            scope.parent.output, scope.parent.error = scope.output, scope.error

    def agent(
        self, key: str, name: str, parent: Scope, *, task: Any = None, caller: str | None = None,
        at: datetime | None = None, stage: Any = None,
    ) -> Scope:  # fmt: skip
        """Record that an agent starts: by the call of a tool (`caller`: its event), a hand-off, or what went before."""
        handoff, instruction = self._handoffs.pop(name, (None, None)) if caller is None else (None, None)
        causes = [caller or handoff or ""] if caller or handoff else parent.follow(stage)
        id = self.emit(
            "agent.started", f"{key}:start", name, causes, at=at, scope=parent,
            name=name, task=instruction if task is None else task,
        )  # fmt: skip
        scope = Scope(key, name, [id], parent)
        scope.began = at or now()
        scope.is_handed = bool(caller or handoff)
        self._open_agents[key] = scope
        return scope

    def end_agent(
        self, scope: Scope, *, output: Any = None, error: Data | None = None, at: datetime | None = None
    ) -> None:
        """Record that an agent ends, if it has not."""
        if self._open_agents.pop(scope.key, None) is None:
            return
        interruption = self._stop_inside(scope, at)
        error = error or scope.error or interruption
        output = (scope.output if output is None else output) if error is None else None
        id = self.emit(
            outcome("agent", "finished", error), f"{scope.key}:end", scope.agent,
            [scope.last] if scope.last else scope.base, at=at, scope=scope.parent,
            name=scope.agent, output=output, error=error, duration_ms=duration(scope.began, at),
        )  # fmt: skip
        if scope.parent is not None:
            scope.parent.output, scope.parent.error = output, error
            if not scope.is_handed:
                scope.parent.returned(id)

    def reply(
        self, key: str, scope: Scope, message: Message, *, agent: str | None = None, history: Sequence[Message] = (),
        began: datetime | None = None, at: datetime | None = None, records_handoffs: bool = True, **data: Any,
    ) -> None:  # fmt: skip
        """Record what a model replied, and the messages before it that are not recorded yet."""
        agent = agent or scope.agent
        id = self.emit(
            "model.replied", f"{key}:end", agent, scope.follow(), at=at, scope=scope,
            **{"role": "assistant", **message}, **data, **timing(began, at), messages=self._news(scope, history),
        )  # fmt: skip
        scope.replied(id)
        scope.output, scope.error = message.get("content"), None
        self._recorded.add(("content", repr(message.get("content"))))
        for number, call in enumerate(message.get("tool_calls", ())):
            self._recorded.add(("call", call.get("id")))
            self.calls[call.get("id") or f"{key}:{number}"] = {**call, "reply": id, "agent": agent}
            if records_handoffs and call["name"].startswith(_TRANSFER):
                target = call["name"].removeprefix(_TRANSFER)
                self.hand_off(f"{key}:handoff:{number}", scope, target, call.get("arguments"), asker=id, at=at)

    def model_failed(
        self, key: str, scope: Scope, error: Data, *, agent: str | None = None, began: datetime | None = None,
        at: datetime | None = None, **data: Any,
    ) -> None:  # fmt: skip
        """Record that a model did not reply."""
        scope.error = error
        agent = agent or scope.agent
        self.emit(
            "model.failed", f"{key}:end", agent, scope.follow(), at=at, scope=scope,
            error=error, **data, **timing(began, at),
        )  # fmt: skip

    def call(
        self, key: str, scope: Scope, name: str, *, arguments: Any = None, call_id: str | None = None,
        agent: str | None = None, at: datetime | None = None,
    ) -> str:  # fmt: skip
        """Record that a tool is called, and return the event's id. The reply that asked for it may know more of it.

        A call that stopped for an answer and is made again is recorded already.
        """
        agent = agent or scope.agent
        if again := next(
            (each for each, call in self._open_calls.items() if call_id and call.call_id == call_id), None
        ):
            self._open_calls[key] = self._open_calls.pop(again)
            return self._open_calls[key].event
        request = self.calls.pop(call_id or self._next_call(name, agent), {})
        causes = [request["reply"]] if request else scope.follow()
        agent = agent or request.get("agent")
        arguments = request.get("arguments") if arguments is None else arguments
        call_id = call_id or request.get("id")
        id = self.emit(
            "tool.called", f"{key}:start", agent, causes, at=at, scope=scope,
            name=name, arguments=arguments, call_id=call_id,
        )  # fmt: skip
        self._open_calls[key] = _Call(id, name, call_id, agent, scope, at or now())
        self._recorded.add(("result", call_id))
        return id

    def _next_call(self, name: str, agent: str | None) -> str:
        """Return the id of the first call of a tool that an agent's reply asked for and that has not begun."""
        calls = self.calls.items()
        return next((id for id, call in calls if (call["name"], call["agent"]) == (name, agent)), "")

    def result(self, key: str, result: Any = None, *, error: Data | None = None, at: datetime | None = None) -> None:
        """Record the outcome of a call that is under way."""
        if key not in self._open_calls:
            return
        call = self._open_calls.pop(key)
        id = self.emit(
            outcome("tool", "returned", error), f"{key}:end", call.agent, [call.event], at=at, scope=call.scope,
            name=call.name, result=result if error is None else None, error=error, call_id=call.call_id,
            duration_ms=duration(call.began, at),
        )  # fmt: skip
        call.scope.returned(id)

    def _stop_inside(self, scope: Scope, at: datetime | None) -> Data | None:
        """Record that what is under way in a scope that ends was stopped. Return the error, None if nothing was."""
        agents = [agent for agent in reversed(self._open_agents.values()) if scope in agent.parents()]
        calls = [key for key, call in self._open_calls.items() if scope in (call.scope, *call.scope.parents())]
        error = {"type": "Stopped", "message": "it was stopped before its end"}
        for agent in agents:
            self.end_agent(agent, error=error, at=at)
        for key in calls:
            self.result(key, error=error, at=at)
        return error if agents or calls else None

    def hand_off(
        self, key: str, scope: Scope, target: str, instruction: Any = None, *, asker: str | None = None,
        at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Record that an agent lets another one go on."""
        causes = [asker] if asker else scope.follow()
        data = {"target": target, "by": scope.agent, "instruction": instruction_of(instruction)}
        id = self.emit("task.delegated", f"{key}:start", scope.agent, causes, at=at, scope=scope, **data)
        self._handoffs[target] = (id, data["instruction"])

    def is_handed_over(self, tool: str) -> bool:
        """Whether a tool only carries out a hand-off that a reply has recorded, and whose agent has not started."""
        return tool.startswith(_TRANSFER) and tool.removeprefix(_TRANSFER) in self._handoffs

    def other(
        self, type: str, key: str, scope: Scope, *, error: Data | None = None, at: datetime | None = None, **data: Any
    ) -> None:
        """Record something else that happened, such as a step that failed."""
        self.emit(type, f"{key}:end", scope.agent, scope.base, at=at, scope=scope, **data, error=error)

    def state(self, key: str, type: str, *, at: datetime | None = None, **data: Any) -> None:
        """Record the state that the agents share, or a change of the one that was recorded before."""
        if self._adapter.has_content:
            self._state = self.emit(type, key, None, [self._state] if self._state else self.root.base, at=at, **data)

    def emit(
        self, type: str, key: str, agent: str | None, causes: Sequence[str], *, scope: Scope | None = None,
        at: datetime | None = None, **data: Any,
    ) -> str:  # fmt: skip
        """Log an event and return its id."""
        id = fitted_name(f"{self.id}:{key}")
        data = {name: value for name, value in data.items() if value is not None}
        content, cuts = fitted(data if self._adapter.has_content else without_content(data))
        *links, cause = causes or (None,)
        metadata = {"adapter": self._adapter.__class__.__module__.rpartition(".")[2], "links": links, "cut": cuts}
        event = NewEvent(
            type,
            content,
            id=id,
            agent=fitted_name(agent) if agent else None,
            correlation_id=self._workflow,
            causation_id=cause,
            metadata={name: value for name, value in metadata.items() if value},
            occurred_at=at or now(),
        )
        self._adapter.client.log(self._stream, event)
        while scope is not None:
            scope.last, scope = id, scope.parent if scope.agent is None else None
        return id

    def _news(self, scope: Scope, history: Sequence[Message]) -> list[Message] | None:
        """Return the messages that no event records yet."""
        is_first = not scope.seen
        news = []
        for message in history:
            print = hash(repr(message))
            if print not in scope.seen and not self._is_recorded(message, is_first=is_first):
                news.append(message)
            scope.seen.add(print)
        return news or None

    def _is_recorded(self, message: Message, *, is_first: bool) -> bool:
        """Whether another event has what a message says. Of its own work, an agent is given nothing new later on."""
        if message["role"] == "tool":
            return not is_first or ("result", message.get("call_id")) in self._recorded
        if message["role"] != "assistant":
            return False
        is_said = "content" not in message or ("content", repr(message["content"])) in self._recorded
        return not is_first or (
            is_said and all(("call", call.get("id")) in self._recorded for call in message.get("tool_calls", ()))
        )
