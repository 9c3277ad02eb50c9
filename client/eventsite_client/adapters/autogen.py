"""AutoGen (agentchat): the messages of a team's or an agent's run become events, while they come.

    from eventsite_client.adapters.autogen import EventsiteMessages

    recorder = EventsiteMessages(name="delivery")
    async for message in recorder.watch(team.run_stream(task="Bring order 1004 on its way.")):
        ...

The run's own stream says far more than its spans do, which are some thirty traces for one run.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Any, TypeVar

from eventsite_client._sync.client import Client
from eventsite_client.adapters._messages import Message, call, message, parsed
from eventsite_client.adapters._runs import Adapter, Run, guarded
from eventsite_client.adapters._scopes import Scope

M = TypeVar("M")
_TRANSFER = "transfer_to_"


class EventsiteMessages(Adapter):
    """Records the messages of runs. `Adapter` describes the other arguments."""

    def __init__(self, client: Client | None = None, *, name: str = "team", content: bool = True) -> None:
        """Make an adapter for the runs of a team, which have its name."""
        super().__init__(client, content=content)
        self._name = name

    async def watch(self, messages: AsyncIterable[M], *, conversation: str | None = None) -> AsyncIterator[M]:
        """Yield the messages of a run, which are recorded as they pass. A run that breaks off is stopped.

        Args:
            messages: what `run_stream()` returns.
            conversation: what the run belongs to, which the messages do not say: the workflow of its events.
        """
        team = _Team(self, self._name, conversation)
        try:
            async for each in messages:
                self._handle(team, each)
                yield each
        finally:
            self._end(team)

    @guarded
    def _handle(self, team: _Team, each: Any) -> None:
        team.handle(type(each).__name__, each)

    @guarded
    def _end(self, team: _Team) -> None:
        if team.run is not None:
            team.run.end()


class _Team:
    """One run. An agent starts with its first message, and ends when it hands over, or with the run."""

    def __init__(self, adapter: Adapter, name: str, conversation: str | None) -> None:
        self._adapter, self._name, self._conversation = adapter, name, conversation
        self.run: Run | None = None
        self._agents: dict[str, Scope] = {}
        self._asked: list[Message] = []
        """The messages of users that no model was given yet."""
        self._thought: str | None = None

    def handle(self, kind: str, each: Any) -> None:
        if kind == "TaskResult":
            self._finish(each)
        elif hasattr(each, "source") and kind != "ModelClientStreamingChunkEvent":
            at: datetime = each.created_at
            run = self.run = self.run or self._start(each, at)
            if each.source == "user":
                self._asked.append(message("user", each.content))
            else:
                self._say(kind, run, self._agent(run, each, at), each, at)

    def _start(self, each: Any, at: datetime) -> Run:
        run = self._adapter.open(each.id, conversation=self._conversation)
        run.start(self._name, task=each.content if each.source == "user" else None, at=at)
        return run

    def _agent(self, run: Run, each: Any, at: datetime) -> Scope:
        if each.source not in self._agents:
            self._agents[each.source] = run.agent(f"agent:{each.id}", each.source, run.root, at=at)
        return self._agents[each.source]

    def _say(self, kind: str, run: Run, scope: Scope, each: Any, at: datetime) -> None:
        if kind == "ThoughtEvent":
            self._thought = each.content
        elif kind == "ToolCallRequestEvent":
            self._reply(
                run,
                scope,
                each,
                message("assistant", calls=[call(one.id, one.name, one.arguments) for one in each.content]),
            )
            for one in each.content:
                if not one.name.startswith(_TRANSFER):
                    run.call(f"call:{one.id}", scope, one.name, call_id=one.id, at=at)
        elif kind == "ToolCallExecutionEvent":
            for one in each.content:
                error = {"message": one.content} if one.is_error else None
                run.result(f"call:{one.call_id}", parsed(one.content), error=error, at=at)
        elif kind == "HandoffMessage":
            instruction = None if each.content.startswith("Transferred to ") else each.content
            run.hand_off(each.id, scope, each.target, instruction, at=at)
            run.end_agent(self._agents.pop(each.source), at=at)
        elif each.models_usage is not None:
            self._reply(run, scope, each, message("assistant", each.to_text()))

    def _reply(self, run: Run, scope: Scope, each: Any, reply: Message) -> None:
        usage, history = each.models_usage, self._asked
        self._asked = []
        run.reply(
            each.id, scope, reply, history=history, at=each.created_at, records_handoffs=False, reasoning=self._thought,
            input_tokens=getattr(usage, "prompt_tokens", None), output_tokens=getattr(usage, "completion_tokens", None),
        )  # fmt: skip
        self._thought = None

    def _finish(self, result: Any) -> None:
        if (run := self.run) is None:
            return
        at = result.messages[-1].created_at
        for scope in self._agents.values():
            run.end_agent(scope, at=at)
        run.end(output=result.messages[-1].to_text(), at=at)
        self.run = None
