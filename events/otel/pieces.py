"""The pieces of traces, read from the database, as the spans and log records of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from events.otel.spans import Attributes, LogRecord, Span
from events.otel.wire import records_of, spans_of

_encode = msgspec.msgpack.Encoder().encode
_CONTENT = frozenset(
    {"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.completion"}
    | {"gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "input.value", "output.value"}
    | {"traceloop.entity.input", "traceloop.entity.output", "langfuse.observation.input", "langfuse.observation.output"}
    | {"ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.toolCall.args", "ai.toolCall.result"}
    | {"all_messages_events", "pydantic_ai.all_messages", "gcp.vertex.agent.llm_request"}
)
"""The attributes that hold messages, arguments and results."""
_MESSAGES = ("llm.input_messages.", "llm.output_messages.", "gen_ai.prompt.", "gen_ai.completion.")
"""The beginnings of the attributes of single messages. Their roles come also without their content."""
_WORDS = frozenset({"content", "text", "arguments", "function_call_arguments_json"})
NOTHING = (None, "", "__REDACTED__")
"""The values of attributes for messages whose words are not sent; the last is OpenInference's."""


@dataclass(frozen=True, slots=True)
class KeptPiece:
    """A piece as the database has it. `is_held`: it was not mapped yet."""

    is_held: bool
    trace_id: UUID
    number: int
    token_id: int
    count: int
    size: int
    are_records: bool
    body: bytes


@dataclass(slots=True)
class Material:
    """The spans and log records from which a run is mapped, and the tokens with which messages came."""

    spans: list[Span] = field(default_factory=list)
    records: list[LogRecord] = field(default_factory=list)
    tokens_with_content: set[int] = field(default_factory=set)


def material_of(pieces: Iterable[KeptPiece]) -> Material:
    """Read pieces, in the order in which they came."""
    material = Material()
    for piece in pieces:
        is_known = piece.token_id in material.tokens_with_content
        if piece.are_records:
            records = list(records_of(piece.body))
            material.records += records
            has_content = is_known or any(map(_is_with_content, records))
        else:
            spans = list(spans_of(piece.body))
            material.spans += spans
            has_content = is_known or any(_has_content(each.attributes) for each in spans)
        if has_content:
            material.tokens_with_content.add(piece.token_id)
    return material


def _is_with_content(record: LogRecord) -> bool:
    return _has_content(record.attributes) or b"content" in _encode(record.body)


def _has_content(attributes: Attributes) -> bool:
    keys = _CONTENT & attributes.keys()
    keys |= {key for key in attributes if key.startswith(_MESSAGES) and key.rpartition(".")[2] in _WORDS}
    return any(attributes[key] not in NOTHING for key in keys)
