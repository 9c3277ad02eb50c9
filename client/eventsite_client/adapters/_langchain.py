"""LangChain: its callbacks about models and tools, and its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from eventsite_client.adapters._data import Data, error_of, now
from eventsite_client.adapters._messages import Message, call, message, parsed
from eventsite_client.adapters._runs import Adapter, Run, guarded
from eventsite_client.adapters._scopes import Scope


@dataclass
class Place:
    """A unit of work that is under way: the run, an agent, the node of a graph, a chain, a model or a tool."""

    kind: str
    run: Run
    scope: Scope
    caller: str | None = None
    """The event of the tool's call around it, if nothing is between them."""
    about: Data = field(default_factory=dict)
    history: list[Message] = field(default_factory=list)
    began: datetime = field(default_factory=now)
    is_outermost: bool = False

    @property
    def agent(self) -> str | None:
        """The agent, or the node of the outermost graph: people name nodes after their agents."""
        node: str = self.about.get("langgraph_checkpoint_ns", "").partition("|")[0].partition(":")[0]
        return self.scope.agent or node or None


class LangChainHandler(Adapter, BaseCallbackHandler):
    """Records what models and tools do within a run."""

    run_inline = True  # with asyncio, too, in the order in which things happen

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.places: dict[str, Place] = {}

    @guarded
    def on_chat_model_start(self, serialized: Any, messages: list[list[Any]], *, run_id: UUID, **more: Any) -> None:
        self._start(run_id, "model", more, [message_of(each) for each in messages[0]])

    @guarded
    def on_llm_start(self, serialized: Any, prompts: list[str], *, run_id: UUID, **more: Any) -> None:
        self._start(run_id, "model", more, [message("user", prompts[0])])

    def _start(self, run_id: UUID, kind: str, more: Data, history: list[Message] | None = None) -> Place | None:
        if above := self.places.get(str(more.get("parent_run_id"))):
            place = Place(kind, above.run, above.scope, None, more.get("metadata") or {}, history or [])
            return self.places.setdefault(str(run_id), place)
        return None

    @guarded
    def on_llm_end(self, response: Any, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            reply, data = reply_of(response)
            data["model"] = data.get("model") or place.about.get("ls_model_name")
            place.run.reply(
                str(run_id), place.scope, reply, agent=place.agent, history=place.history, began=place.began, **data
            )

    @guarded
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            place.run.failure, model = error, place.about.get("ls_model_name")
            place.run.model_failed(
                str(run_id), place.scope, error_of(error), agent=place.agent, began=place.began, model=model
            )

    @guarded
    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **more: Any) -> None:
        if place := self._start(run_id, "tool", more):
            name, arguments = (
                (serialized or {}).get("name") or more.get("name") or "tool",
                more.get("inputs") or input_str,
            )
            call_id = more.get("tool_call_id")
            if place.run.is_handed_over(name):
                place.kind = "handoff"
                return
            place.caller = place.run.call(
                str(run_id), place.scope, name, arguments=arguments, call_id=call_id, agent=place.agent
            )

    @guarded
    def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            result, error = outcome_of(output)
            if place.kind == "handoff" and place.scope.last is not None:
                place.scope.returned(place.scope.last)  # what follows has the end of the other agent as its cause
            place.run.result(str(run_id), result, error=error)

    @guarded
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        if place := self.places.pop(str(run_id), None):
            place.run.failure = error
            place.run.result(str(run_id), error=error_of(error))


def message_of(original: Any) -> Message:
    """Return a message of LangChain."""
    calls = [call(one.get("id"), one["name"], one.get("args")) for one in getattr(original, "tool_calls", None) or ()]
    call_id = getattr(original, "tool_call_id", None)
    return message(getattr(original, "role", None) or original.type, original.content, calls, call_id=call_id)


def reply_of(result: Any) -> tuple[Message, Data]:
    """Return the reply of a model, and the data beside it, such as its tokens."""
    generation = result.generations[0][0]
    original = getattr(generation, "message", None)
    if original is None:
        return message("assistant", generation.text), {}
    usage, about = getattr(original, "usage_metadata", None) or {}, original.response_metadata
    input_details, output_details = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    return message_of(original), {
        "model": about.get("model_name") or about.get("model"),
        "provider": about.get("model_provider"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cache_read_tokens": input_details.get("cache_read") or None,
        "cache_creation_tokens": input_details.get("cache_creation") or None,
        "reasoning_tokens": output_details.get("reasoning") or None,
        "finish_reason": about.get("finish_reason") or about.get("stop_reason"),
    }


def last_text(value: Any) -> Any:
    """Return the content of the last message of a graph's state; without messages its only text, or all of it."""
    messages = value.get("messages") if isinstance(value, dict) else getattr(value, "messages", None)
    if isinstance(messages, list) and messages:
        last = messages[-1]
        return last[1] if isinstance(last, tuple) else last["content"] if isinstance(last, dict) else last.content
    texts = [each for each in value.values() if isinstance(each, str) and each] if isinstance(value, dict) else []
    return texts[0] if len(texts) == 1 else value


def outcome_of(output: Any) -> tuple[Any, Data | None]:
    """Return the result of a tool, and why it failed if its message says so."""
    content = parsed(getattr(output, "content", output))
    is_failed = getattr(output, "status", None) == "error"
    return content, {"message": str(content)} if is_failed else None
