"""One stream of AG-UI's events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import NamedTuple

from eventsite_client.adapters._data import Data
from eventsite_client.adapters._messages import message, parsed
from eventsite_client.adapters._runs import Adapter, Run
from eventsite_client.adapters._scopes import Scope

_CHUNKS = ("TEXT_MESSAGE_CHUNK", "TOOL_CALL_CHUNK", "REASONING_MESSAGE_CHUNK")


class _Pieces(NamedTuple):
    """A text or the arguments of a call, as far as they have come."""

    about: Data
    texts: list[str]

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Stream:
    """Records events as they come. Of a run, all that follows its start is recorded until its end."""

    def __init__(self, adapter: Adapter, agent: str) -> None:
        self._adapter = adapter
        self._agent = agent
        self._run: Run | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin anew, as for the first run."""
        self._scopes: dict[str | None, Scope] = {}
        self._texts: dict[str, _Pieces] = {}
        self._calls: dict[str, _Pieces] = {}
        self._called: dict[str, str] = {}
        self._reasoning: list[str] = []
        self._chunk: str | None = None
        self._states = 0

    def handle(self, event: Data) -> None:
        """Record an event, which has the members of its JSON."""
        kind = str(getattr(event["type"], "value", event["type"]))
        if kind not in _CHUNKS:
            self._end_chunk(event)
        if kind == "RUN_STARTED":
            self._start(event)
        elif self._run is not None and (record := _HANDLERS.get(kind)):
            record(self, self._run, event)

    def end(self) -> None:
        """Record that the run is broken off, if it has not ended."""
        if self._run is not None:
            self._run.end()

    def _start(self, event: Data) -> None:
        self.end()
        self._forget()
        id = f"{event['threadId']}:{event['runId']}"  # the ids of runs are those of a client, which counts them
        run = self._run = self._adapter.open(id, conversation=event["threadId"])
        texts = [
            each.get("content") for each in (event.get("input") or {}).get("messages", ()) if each["role"] == "user"
        ]
        task = message("user", texts[-1]).get("content") if texts else None
        run.start(self._agent, task=task, at=_time(event))
        self._scopes[None] = run.agent("agent", self._agent, run.root, task=task, at=_time(event))

    def _scope(self, event: Data) -> Scope:
        return self._scopes.get(event.get("subagentRunId")) or self._scopes[None]

    def _start_text(self, run: Run, event: Data) -> None:
        self._texts[event["messageId"]] = _Pieces(event, [])

    def _add_text(self, run: Run, event: Data) -> None:
        self._texts[event["messageId"]].texts.append(event["delta"])

    def _end_text(self, run: Run, event: Data) -> None:
        pieces = self._texts.pop(event["messageId"], None)
        if pieces is None or not pieces.text or pieces.about.get("role", "assistant") != "assistant":
            return
        reply = message("assistant", pieces.text, reasoning="".join(self._reasoning))
        self._reasoning.clear()
        key = f"message:{event['messageId']}"
        run.reply(key, self._scope(pieces.about), reply, began=_time(pieces.about), at=_time(event))

    def _start_call(self, run: Run, event: Data) -> None:
        self._calls[event["toolCallId"]] = _Pieces(event, [])

    def _add_arguments(self, run: Run, event: Data) -> None:
        self._calls[event["toolCallId"]].texts.append(event["delta"])

    def _end_call(self, run: Run, event: Data) -> None:
        if pieces := self._calls.pop(id := event["toolCallId"], None):
            name, arguments = pieces.about["toolCallName"], parsed(pieces.text) if pieces.texts else None
            self._called[id] = run.call(
                f"call:{id}", self._scope(pieces.about), name, arguments=arguments, call_id=id, at=_time(event)
            )

    def _result(self, run: Run, event: Data) -> None:
        self._end_call(run, event)
        run.result(f"call:{event['toolCallId']}", parsed(event.get("content")), at=_time(event))

    def _reason(self, run: Run, event: Data) -> None:
        self._reasoning.append(event.get("delta") or "")

    def _add_chunk(self, run: Run, event: Data) -> None:
        name = "messageId" if str(event["type"]).endswith("TEXT_MESSAGE_CHUNK") else "toolCallId"
        pieces = self._texts if name == "messageId" else self._calls
        id = event.get(name) or self._chunk
        if id != self._chunk:
            self._end_chunk(event)
            pieces[id or ""] = _Pieces(event, [])
            self._chunk = id
        pieces[id or ""].texts.append(event.get("delta") or "")

    def _end_chunk(self, event: Data) -> None:
        """End the text or the call that came in chunks: another event ends it."""
        if self._run is not None and (id := self._chunk) is not None:
            self._chunk = None
            end = self._end_text if id in self._texts else self._end_call
            end(self._run, {"messageId": id, "toolCallId": id, "timestamp": event.get("timestamp")})

    def _state(self, run: Run, event: Data) -> None:
        self._states += 1
        data = {"state": event["snapshot"]} if "snapshot" in event else {"patch": event["delta"]}
        type = "state.snapshot" if "state" in data else "state.patched"
        run.state(f"state:{self._states}", type, at=_time(event), **data)

    def _start_agent(self, run: Run, event: Data) -> None:
        parent = self._scopes.get(event.get("parentSubagentRunId")) or self._scopes[None]
        id, caller = event["subagentRunId"], self._called.get(event.get("parentToolCallId", ""))
        self._scopes[id] = run.agent(
            f"agent:{id}", event["name"], parent, task=event.get("description"), caller=caller, at=_time(event)
        )

    def _end_agent(self, run: Run, event: Data) -> None:
        if scope := self._scopes.pop(event["subagentRunId"], None):
            run.end_agent(scope, output=event.get("result"), error=_error(event), at=_time(event))

    def _end_run(self, run: Run, event: Data) -> None:
        self._run, at, output, error = None, _time(event), event.get("result"), _error(event)
        run.end_agent(self._scopes[None], output=output, error=error, at=at)
        run.end(output=output, error=error, at=at)


_HANDLERS: dict[str, Callable[[Stream, Run, Data], None]] = {
    "TEXT_MESSAGE_START": Stream._start_text,
    "TEXT_MESSAGE_CONTENT": Stream._add_text,
    "TEXT_MESSAGE_END": Stream._end_text,
    "TEXT_MESSAGE_CHUNK": Stream._add_chunk,
    "TOOL_CALL_START": Stream._start_call,
    "TOOL_CALL_ARGS": Stream._add_arguments,
    "TOOL_CALL_END": Stream._end_call,
    "TOOL_CALL_CHUNK": Stream._add_chunk,
    "TOOL_CALL_RESULT": Stream._result,
    "REASONING_MESSAGE_CONTENT": Stream._reason,
    "REASONING_MESSAGE_CHUNK": Stream._reason,
    "STATE_SNAPSHOT": Stream._state,
    "STATE_DELTA": Stream._state,
    "SUBAGENT_STARTED": Stream._start_agent,
    "SUBAGENT_FINISHED": Stream._end_agent,
    "SUBAGENT_ERROR": Stream._end_agent,
    "RUN_FINISHED": Stream._end_run,
    "RUN_ERROR": Stream._end_run,
}


def _error(event: Data) -> Data | None:
    """Return why a run failed or was cancelled."""
    if "message" in event:
        return {**({"type": event["code"]} if event.get("code") else {}), "message": event["message"]}
    outcome = event.get("outcome")
    is_cancelled = isinstance(outcome, dict) and outcome.get("type") == "cancelled"
    return {"type": "Cancelled", "message": "it was cancelled"} if is_cancelled else None


def _time(event: Data) -> datetime | None:
    timestamp = event.get("timestamp")
    return None if timestamp is None else datetime.fromtimestamp(timestamp / 1_000, timezone.utc)
