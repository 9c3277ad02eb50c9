"""The pieces of traces, read from the database, as the spans and log records of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from events.otel.spans import Attributes, LogRecord, Span
from events.otel.wire import records_of, spans_of

_encode = msgspec.msgpack.Encoder().encode
_CONTENT = (
    *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.completion"),
    *("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
    *("llm.input_messages.", "llm.output_messages.", "input.value", "output.value"),
    *("traceloop.entity.input", "traceloop.entity.output"),
    *("ai.prompt", "ai.response.text", "ai.toolCall.args"),
    *("all_messages_events", "pydantic_ai.all_messages"),
)
"""The beginnings of the attributes that hold messages, arguments and results."""


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
        if piece.are_records:
            records = list(records_of(piece.body))
            material.records += records
            has_content = any(_has_content(each.attributes) or b"content" in _encode(each.body) for each in records)
        else:
            spans = list(spans_of(piece.body))
            material.spans += spans
            has_content = any(_has_content(each.attributes) for each in spans)
        if has_content:
            material.tokens_with_content.add(piece.token_id)
    return material


def _has_content(attributes: Attributes) -> bool:
    return any(key.startswith(_CONTENT) for key in attributes)
