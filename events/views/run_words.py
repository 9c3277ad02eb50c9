"""The words of rows for events of agents' runs: a reply and its calls, the arguments and the result of a call, a task.

The data is as `events/otel` maps it: `model.replied` has `content` and `tool_calls`, `tool.called` has `name` and
`arguments`, and so on. Events written by hand may have the same types with other data: what is missing or of another
kind is not told here, and a row shows it as it shows any other key. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

from events.views.durations import took
from events.views.row_text import (
    MAX_CHARACTERS,
    MAX_NAME_CHARACTERS,
    KeyValue,
    call_text,
    one_line,
    pair,
    words_of,
)

_ARROW = "→"
_MAX_CALLS = 3
_MAX_OPERATIONS = 3
_MAX_NUMBER = 10**12
_USUAL_REASONS = frozenset({"stop", "end_turn", "completed", "tool_calls", "tool_call", "tool_use", "function_call"})
_SILENT_KEYS = frozenset(
    {"role", "call_id", "by", "started_at", "messages", "provider", "attributes", "reasoning"}
    | {"cache_read_tokens", "cache_creation_tokens", "reasoning_tokens"}
)
"""Keys of runs that a row leaves out: it shows them otherwise, or they tell a person little."""

Data: TypeAlias = dict[str, Any]
Told: TypeAlias = Iterator[tuple[str, KeyValue | None]]
"""The keys that are told, each with its words; None: another key's words have it, or there is nothing to say of it."""
Teller: TypeAlias = Callable[[Data], Told]


@dataclass(frozen=True, slots=True)
class RunWords:
    """The words of an event: those that tell most, and the facts. `told` are the keys that need no other words."""

    first: list[KeyValue]
    facts: list[KeyValue]
    told: frozenset[str]


def run_words(type_name: str, data: Data, row_names: Collection[str | None]) -> RunWords | None:
    """Return the words of an event of a run; None if its type is of no run, or if nothing of its data can be told.

    The name of an agent or a workflow is left out if it is one of `row_names`, which the row shows anyway.
    """
    told = [each for teller in _TELLERS.get(type_name, ()) for each in teller(data)]
    if (
        type_name.startswith(("agent.", "workflow."))
        and isinstance(name := data.get("name"), str)
        and name in row_names
    ):
        told = [(key, None if key == "name" else word) for key, word in told]
    words = [word for _, word in told if word]
    if not words:
        return RunWords([], [], frozenset({"name"})) if ("name", None) in told else None
    return RunWords(
        first=[word for word in words if word.kind != "fact"],
        facts=[word for word in words if word.kind == "fact"],
        told=_SILENT_KEYS.union(key for key, _ in told),
    )


def _name(data: Data) -> Told:
    if isinstance(name := data.get("name"), str) and name:
        yield "name", _named("", name)


def _target(data: Data) -> Told:
    if isinstance(target := data.get("target"), str) and target:
        yield "target", _named(_ARROW, target)


def _named(key: str, name: str) -> KeyValue:
    return KeyValue(key, "call", _short(name))


def _call(data: Data) -> Told:
    if isinstance(name := data.get("name"), str) and name:
        yield "name", KeyValue("", "call", call_text(name, data.get("arguments")))
        yield "arguments", None


def _calls(data: Data) -> Told:
    """Tell the calls in a reply. Some libraries keep the name and the arguments of each in its `function`."""
    calls = data.get("tool_calls")
    if not isinstance(calls, list):
        return
    functions = [call.get("function", call) for call in islice(calls, _MAX_CALLS) if isinstance(call, dict)]
    for function in functions:
        if isinstance(function, dict) and isinstance(name := function.get("name"), str):
            yield "tool_calls", KeyValue(_ARROW, "call", call_text(name, function.get("arguments")))
    if len(calls) > _MAX_CALLS and functions:
        yield "tool_calls", KeyValue("", "call", f"and {len(calls) - _MAX_CALLS:,} more")


def _content(key: str, arrow: str = "") -> Teller:
    """Return what tells a text, or the fields of an object."""

    def tell(data: Data) -> Told:
        if data.get(key) not in (None, "", [], {}):
            yield key, words_of(arrow, data[key])

    return tell


def _patch(data: Data) -> Told:
    """Tell the operations of a JSON Patch."""
    patch = data.get("patch")
    if not isinstance(patch, list):
        return
    operations = [each for each in islice(patch, _MAX_OPERATIONS) if isinstance(each, dict)]
    for each in operations:
        act = one_line(f"{each.get('op')} {each.get('path')}", MAX_NAME_CHARACTERS)
        yield "patch", words_of(act, each["value"]) if "value" in each else KeyValue(act, "call", "")
    if len(patch) > _MAX_OPERATIONS and operations:
        yield "patch", KeyValue("", "call", f"and {len(patch) - _MAX_OPERATIONS:,} more")


def _request(data: Data) -> Told:
    """Tell the request or the query of a span by its attributes, whose names are OpenTelemetry's."""
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        return
    method, url = _first_of(attributes, _METHODS), _first_of(attributes, _URLS)
    request = " ".join(part for part in (method, url) if isinstance(part, str))
    name, statement = data.get("name"), _first_of(attributes, _STATEMENTS)
    if request and isinstance(name, str) and isinstance(method, str) and name.startswith(method):
        yield "name", None  # it is the method, mostly with the pattern of the address
    else:
        yield from _name(data)
    if request:
        yield "attributes", KeyValue("", "call", one_line(request, MAX_CHARACTERS))
    if isinstance(statement, str):
        yield "attributes", words_of("", statement)
    if attributes and not request and not isinstance(statement, str):
        yield "attributes", words_of("", attributes)
    if isinstance(status := _first_of(attributes, _STATUSES), int | str):
        yield "attributes", KeyValue("", "fact", _short(str(status)))
    yield from ((key, None) for key in _OF_SPANS_ONLY)


def _first_of(attributes: Data, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := attributes.get(name)) not in (None, "")), None)


def _error(data: Data) -> Told:
    if error := data.get("error"):
        yield "error", pair("", error, bad=True)


def _end(data: Data) -> Told:
    """Tell why a model stopped, if it did not come to the end of its reply or of its calls."""
    if isinstance(reason := data.get("finish_reason"), str):
        is_usual = reason.lower() in _USUAL_REASONS
        yield "finish_reason", None if is_usual else KeyValue("", "fact", _short(reason))


def _tokens(data: Data) -> Told:
    numbers = {key: number for key in ("input_tokens", "output_tokens") if (number := _number(data, key)) is not None}
    if numbers:
        text = " + ".join(f"{int(number):,}" for number in numbers.values())
        yield next(iter(numbers)), KeyValue("", "fact", f"{text} tokens")
        yield from ((key, None) for key in numbers)


def _cost(data: Data) -> Told:
    if (dollars := _number(data, "cost")) is not None:
        yield "cost", KeyValue("", "fact", f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}")


def _duration(data: Data) -> Told:
    if (milliseconds := _number(data, "duration_ms")) is not None:
        yield "duration_ms", KeyValue("", "fact", took(timedelta(milliseconds=milliseconds)))


def _model(data: Data) -> Told:
    if isinstance(model := data.get("model"), str) and model:
        yield "model", KeyValue("", "fact", _short(model))


def _short(name: str) -> str:
    return one_line(name, MAX_NAME_CHARACTERS)


def _number(data: Data, key: str) -> float | None:
    value = data.get(key)
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not 0 <= value < _MAX_NUMBER:
        return None
    return float(value)


_METHODS = ("http.request.method", "http.method", "rpc.method")
_URLS = ("url.full", "http.url", "url.path", "http.target", "http.route", "rpc.service")
_STATEMENTS = ("db.query.text", "db.statement")
_STATUSES = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
_OF_SPANS_ONLY = ("kind", "events", "links", "resource")
_OF_SPAN = (_request, _error, _duration)
_OF_RUN = (_name, _content("task"), _content("output"), _error, _duration)
_OF_REPLY = (_content("content"), _calls, _error, _end, _tokens, _cost, _duration, _model)
_OF_RETURN = (_name, _content("result", _ARROW), _error, _duration)
_OF_WORK = (_name, _content("input"), _content("output", _ARROW), _error, _tokens, _cost, _duration, _model)
_WORK = ("retrieval", "embedding", "reranking", "guardrail", "evaluation")
_TELLERS: dict[str, tuple[Teller, ...]] = {
    **{f"{who}.{what}": _OF_RUN for who in ("workflow", "agent") for what in ("started", "finished", "failed")},
    "model.replied": _OF_REPLY,
    "model.failed": _OF_REPLY,
    "tool.called": (_call,),
    "tool.returned": _OF_RETURN,
    "tool.failed": _OF_RETURN,
    "state.snapshot": (_content("state"),),
    "state.patched": (_patch,),
    "task.delegated": (_target, _content("instruction")),
    "span.ended": _OF_SPAN,
    "span.failed": _OF_SPAN,
    "step.failed": (_name, _error, _duration),
    **{f"{work}.{outcome}": _OF_WORK for work in _WORK for outcome in ("finished", "failed")},
}
