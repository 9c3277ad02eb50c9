"""Claude Agent SDK: the messages of a session become events, while they come.

    from claude_agent_sdk import query
    from eventsite_client.adapters.claude_agent_sdk import EventsiteMessages

    recorder = EventsiteMessages(agent="desk")
    async for message in recorder.watch(query(prompt=prompt), task=prompt):  # the same messages, one by one
        ...

With a `ClaudeSDKClient`: `recorder.watch(client.receive_messages())`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, TypeVar

from eventsite_client._sync.client import Client
from eventsite_client.adapters._data import Data
from eventsite_client.adapters._messages import call, message, parsed
from eventsite_client.adapters._runs import Adapter, Run, guarded
from eventsite_client.adapters._scopes import Scope

M = TypeVar("M")
_USAGE = {
    "input_tokens": "input_tokens", "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens", "cache_creation_tokens": "cache_creation_input_tokens",
}  # fmt: skip


class EventsiteMessages(Adapter):
    """Records the messages of sessions. A turn, up to its `ResultMessage`, is a run; its session is the workflow."""

    def __init__(self, client: Client | None = None, *, agent: str = "claude", content: bool = True) -> None:
        """Make an adapter. `Adapter` describes the other arguments."""
        super().__init__(client, content=content)
        self._agent = agent

    async def watch(self, messages: AsyncIterable[M], *, task: str | None = None) -> AsyncIterator[M]:
        """Yield messages, which are recorded as they pass; they do not say the task. What breaks off is stopped."""
        session = _Session(self, self._agent, task)
        try:
            async for each in messages:
                self._handle(session, each)
                yield each
        finally:
            self._end(session)

    @guarded
    def _handle(self, session: _Session, each: Any) -> None:
        session.handle(type(each).__name__, each)

    @guarded
    def _end(self, session: _Session) -> None:
        session.end()


class _Session:
    """One stream of messages."""

    def __init__(self, adapter: Adapter, agent: str, task: str | None) -> None:
        self._adapter, self._agent, self._task = adapter, agent, task
        self._run: Run | None = None
        self._scopes: dict[str, Scope] = {}
        """The scopes of sub-agents, by the calls that started them."""
        self._calls: dict[str, tuple[str, Data]] = {}
        """The event of each call that has not returned, and the call, by its id."""
        self._counted: str | None = None
        """The reply whose tokens are recorded: one that comes in parts repeats them."""

    def handle(self, kind: str, each: Any) -> None:
        if kind == "SystemMessage" and each.subtype == "init" and self._run is None:
            self._start(each.data["session_id"], each.data.get("uuid") or "1")
        elif self._run is not None and kind == "AssistantMessage":
            self._reply(self._run, self._scope(self._run, each.parent_tool_use_id), each)
        elif self._run is not None and kind == "UserMessage" and isinstance(each.content, list):
            for block in each.content:
                if getattr(block, "tool_use_id", None) in self._calls:
                    self._result(self._run, block, each)
        elif self._run is not None and kind == "ResultMessage":
            error = {"type": each.subtype, "message": each.result or each.subtype} if each.is_error else None
            self._run.end_agent(self._desk, output=each.result, error=error)
            self._run.end(output=each.result, error=error)
            self._run = self._task = None

    def end(self) -> None:
        """Record that a turn is broken off, if it has not ended."""
        if self._run is not None:
            self._run.end()

    def _start(self, session: str, turn: str) -> None:
        self._run = self._adapter.open(f"{session}:{turn}", conversation=session)
        self._run.start(self._agent, task=self._task)
        self._desk = self._run.agent("agent", self._agent, self._run.root, task=self._task)

    def _scope(self, run: Run, caller: str | None) -> Scope:
        """Return the scope of the agent that a call started; without a call that of the session."""
        if caller is None or caller not in self._calls:
            return self._desk
        if caller not in self._scopes:
            event, request = self._calls[caller]
            arguments = request["arguments"] if isinstance(request["arguments"], dict) else {}
            name, task = arguments.get("subagent_type") or request["name"], arguments.get("prompt")
            self._scopes[caller] = run.agent(f"agent:{caller}", name, self._desk, task=task, caller=event)
        return self._scopes[caller]

    def _reply(self, run: Run, scope: Scope, each: Any) -> None:
        blocks = each.content
        calls = [call(block.id, block.name, block.input) for block in blocks if hasattr(block, "input")]
        thoughts = [block.thinking for block in blocks if hasattr(block, "thinking")]
        reply = message("assistant", [block.text for block in blocks if hasattr(block, "text")], calls)
        key, usage = each.uuid or each.message_id, each.usage or {} if each.message_id != self._counted else {}
        self._counted = each.message_id
        data: Data = {name: usage.get(theirs) or None for name, theirs in _USAGE.items()}
        if each.error is not None:
            run.model_failed(key, scope, {"type": each.error, "message": reply.get("content") or each.error}, **data)
            return
        run.reply(key, scope, reply, model=each.model, reasoning="\n".join(thoughts) or None, **data)
        for request in calls:
            event = run.call(f"call:{request['id']}", scope, request["name"], call_id=request["id"])
            self._calls[request["id"]] = (event, request)

    def _result(self, run: Run, block: Any, each: Any) -> None:
        content = message("tool", [getattr(part, "text", part) for part in _parts(block.content)]).get("content")
        del self._calls[block.tool_use_id]
        if scope := self._scopes.pop(block.tool_use_id, None):
            run.end_agent(scope, output=None if block.is_error else content)
        result = each.tool_use_result
        reason = result.removeprefix("Error: ") if isinstance(result, str) else content or "failed"
        error = {"message": reason} if block.is_error else None
        run.result(f"call:{block.tool_use_id}", parsed(content), error=error)


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]
