"""OpenAI Agents SDK: its traces become events, while they happen.

    from agents import set_trace_processors
    from eventsite_client.adapters.openai_agents import EventsiteProcessor

    set_trace_processors([EventsiteProcessor()])

`set_trace_processors` replaces the processor that the SDK begins with, which sends every trace, with its texts, to
OpenAI. With `add_trace_processor` both get them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from agents.tracing import Span, Trace, TracingProcessor

from eventsite_client.adapters._data import Data
from eventsite_client.adapters._messages import merged, messages_of, parsed
from eventsite_client.adapters._runs import Adapter, Run, guarded
from eventsite_client.adapters._scopes import Scope

_PASSED = ("task", "turn")


class EventsiteProcessor(Adapter, TracingProcessor):
    """Records traces and spans. `Adapter` describes the arguments."""

    @guarded
    def on_trace_start(self, trace: Trace) -> None:
        run = self.open(trace.trace_id, conversation=getattr(trace, "group_id", None))
        run.start(trace.name)

    @guarded
    def on_trace_end(self, trace: Trace) -> None:
        if run := self.runs.get(trace.trace_id):
            run.end()

    @guarded
    def on_span_start(self, span: Span[Any]) -> None:
        if (run := self.runs.get(span.trace_id)) is None:
            return
        data, at, key = span.span_data, _time(span.started_at), span.span_id
        scope, caller = run.places.get(span.parent_id or "", (run.root, None))
        if data.type == "agent":
            scope, caller = run.agent(key, data.name, scope, caller=caller, at=at), None
        elif data.type == "function":
            caller = run.call(key, scope, data.name, at=at)
        run.places[key] = (scope, caller)

    @guarded
    def on_span_end(self, span: Span[Any]) -> None:
        if (run := self.runs.get(span.trace_id)) is None or span.span_id not in run.places:
            return
        scope, _ = run.places.pop(span.span_id)
        data, at, key, error = span.span_data, _time(span.ended_at), span.span_id, _error(span)
        if data.type == "agent":
            run.end_agent(scope, error=error, at=at)
        elif data.type == "function":
            run.result(key, parsed(data.output), error=error, at=at)
        elif data.type in ("response", "generation"):
            self._model(run, scope, span, error)
        elif data.type == "handoff" and data.to_agent and error is None:
            run.hand_off(key, scope, data.to_agent, _instruction(run, data.to_agent), at=at)
        elif data.type == "guardrail":
            run.other("guardrail.finished", key, scope, name=data.name, output={"triggered": data.triggered}, at=at)
        elif data.type not in _PASSED:
            type = "span.ended" if error is None else "span.failed"
            run.other(
                type, key, scope, name=getattr(data, "name", data.type), attributes=data.export(), error=error, at=at
            )

    def _model(self, run: Run, scope: Scope, span: Span[Any], error: Data | None) -> None:
        data, response = span.span_data, getattr(span.span_data, "response", None)
        began, at = _time(span.started_at), _time(span.ended_at)
        model = getattr(response, "model", None) or getattr(data, "model", None)
        if error is not None:
            run.model_failed(span.span_id, scope, error, model=model, began=began, at=at)
            return
        history = [*messages_of(getattr(response, "instructions", None), "system"), *messages_of(data.input)]
        replies = messages_of(getattr(data, "output", None) if response is None else response.output)
        run.reply(
            span.span_id, scope, merged(replies), history=history, model=model,
            **_usage(getattr(response, "usage", None) or data.usage), records_handoffs=False, began=began, at=at,
        )  # fmt: skip

    def force_flush(self) -> None:
        self.client.flush(5)

    def shutdown(self) -> None:
        self.client.flush(5)


def _usage(usage: Any) -> Data:
    """Return the tokens that a reply took; those of Chat Completions come as a dict."""
    if isinstance(usage, dict):
        return {name: usage.get(name) for name in ("input_tokens", "output_tokens")}
    input_details = getattr(usage, "input_tokens_details", None)
    output_details = getattr(usage, "output_tokens_details", None)
    return {
        "input_tokens": getattr(usage, "input_tokens", None),
        "output_tokens": getattr(usage, "output_tokens", None),
        "cache_read_tokens": getattr(input_details, "cached_tokens", None) or None,
        "reasoning_tokens": getattr(output_details, "reasoning_tokens", None) or None,
    }


def _error(span: Span[Any]) -> Data | None:
    """Return why a span failed: what the tool said, else what the SDK says."""
    if span.error is None:
        return None
    reason = (span.error.get("data") or {}).get("error")
    output = getattr(span.span_data, "output", None)
    return {
        "message": next(
            text for text in (output, reason, span.error["message"], "failed") if text and isinstance(text, str)
        )
    }


def _instruction(run: Run, target: str) -> Any:
    """Return the arguments of the call that asked for a hand-off."""
    name = f"transfer_to_{re.sub('[^a-zA-Z0-9]', '_', target).lower()}"
    call_id = next((id for id, call in run.calls.items() if call["name"].lower() == name), None)
    return run.calls.pop(call_id)["arguments"] if call_id is not None else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
