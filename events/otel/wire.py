"""OTLP: what exporters send, in protobuf or in JSON, is decoded, divided into traces, and read.

A server only decodes and divides an export (at C speed, some microseconds a span). The pieces of a trace are read when
the trace is mapped, by another process.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as WireRecord
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags, TracesData

from events.errors import BadRequest, TooLarge
from events.otel import gradual
from events.otel.otlp_json import decoded, fill
from events.otel.secrets import hide, hide_within, without_secrets
from events.otel.spans import Attributes, Link, LogRecord, Span, SpanEvent, Value

Export = TypeVar("Export", ExportTraceServiceRequest, ExportLogsServiceRequest)

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
_GEN_AI = "gen_ai."
_REMOTE_PARENT = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_NO_TRACE = bytes(TRACE_ID_BYTES)
_NO_SPAN = bytes(SPAN_ID_BYTES)
_PACKED_BYTES = 16 * 1024
_PACKED = b"x"
"""The first byte of what zlib has compressed. OTLP begins with another one."""
_MOST_OBJECTS = 400_000
_MOST_PARTS = 10_000
"""Attributes, events and links of one span; attributes of a scope with its resource. Libraries make 128 of each."""
_MOST_PARTS_OF_EXPORT = 500_000
"""All of them, in all pieces: to write out so many takes tens of milliseconds, in which no other thread goes on."""
_MOST_LINKS_OF_SPAN = 16
"""A span with more links is of a batch that does something for many others: it ties no traces to a run."""


class Piece(Struct, frozen=True):
    """The spans or log records of one trace in one export.

    `body` is protobuf, to be read by `spans_of()` or `records_of()`. `parts` is the number of attributes, events and
    links in it, with the attributes of its scopes and their resources. `has_root`: it holds a span without a parent.
    `linked` are the other traces to which its spans tie it.
    """

    trace_id: str
    count: int
    body: bytes
    parts: int = 0
    has_root: bool = False
    linked: frozenset[str] = frozenset()


class Division(Struct, frozen=True):
    """An export, divided into traces. `refused` spans or records have no valid ids; `dropped` ones are not wanted."""

    pieces: list[Piece]
    refused: int = 0
    dropped: int = 0


def decode(export: Export, body: bytes, *, is_json: bool) -> Export:
    """Fill an empty export with a request's body, and return it.

    Raises:
        BadRequest: the body can't be decoded; the detail says why, and holds nothing of the body.
        TooLarge: it is JSON of too many objects, or protobuf of too many fields.
    """
    try:
        if is_json:
            _check_objects(body)
            fill(export, decoded(export.DESCRIPTOR, body))
        else:
            gradual.parse(export, body)
    except gradual.TooManyFields:
        raise TooLarge(f"The body has more than {gradual.MOST_FIELDS:,} fields.", limit=gradual.MOST_FIELDS) from None
    except (DecodeError, msgspec.DecodeError, ValueError) as error:
        raise BadRequest(f"The body is not {'OTLP/JSON' if is_json else 'an OTLP protobuf message'}: {error}") from None
    except RecursionError:
        raise BadRequest("The body is nested too deep.") from None
    return export


def _check_objects(body: bytes) -> None:
    """Refuse JSON that would take many times its size in memory: an empty object has two bytes, and takes a hundred."""
    if body.count(b"{") + body.count(b"[") > _MOST_OBJECTS:
        raise TooLarge(f"The body has more than {_MOST_OBJECTS:,} objects and lists.", limit=_MOST_OBJECTS)


def divide_spans(export: ExportTraceServiceRequest) -> Division:
    """Divide an export of spans into traces.

    Raises:
        TooLarge: a span, a scope, a resource or the whole export has too many attributes, events and links.
    """
    pieces: dict[bytes, _PieceOfSpans] = {}
    refused = 0
    for resource_spans in export.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            parts: dict[bytes, list[WireSpan]] = {}
            for span in scope_spans.spans:
                trace_id = span.trace_id
                if not _is_id(trace_id, _NO_TRACE) or not _is_id(span.span_id, _NO_SPAN):
                    refused += 1
                    continue
                if trace_id not in parts:
                    piece = pieces.setdefault(trace_id, _PieceOfSpans(trace_id))
                    parts[trace_id] = piece.part(resource_spans, scope_spans)
                pieces[trace_id].add(span)
                parts[trace_id].append(span)
    _check_number_of_parts(piece.number_of_parts for piece in pieces.values())
    if len(pieces) == 1 and not refused:  # most exports of a small application: nothing has to be divided
        return Division([piece.finished(export.SerializeToString()) for piece in pieces.values()])
    return Division([piece.finished() for piece in pieces.values()], refused=refused)


def _is_id(id: bytes, none: bytes) -> bool:
    return len(id) == len(none) and id != none


class _PieceOfSpans:
    """The spans of one trace, while an export is divided."""

    def __init__(self, trace_id: bytes) -> None:
        self._id = trace_id
        self._parts: list[tuple[Any, Any, list[WireSpan]]] = []
        self._count = 0
        self._has_root = False
        self.number_of_parts = 0
        self._linked: set[bytes] = set()

    def part(self, resource_spans: Any, scope_spans: Any) -> list[WireSpan]:
        """Return the list to which the spans of one scope go."""
        spans: list[WireSpan] = []
        self.number_of_parts += _number_of_attributes(resource_spans.resource, scope_spans.scope)
        self._parts.append((resource_spans, scope_spans, spans))
        return spans

    def add(self, span: WireSpan) -> None:
        self._count += 1
        self._has_root = self._has_root or not span.parent_span_id.strip(b"\0")
        self.number_of_parts += _number_of_parts(span)
        if span.links and len(span.links) <= _MOST_LINKS_OF_SPAN:
            self._linked.update([link.trace_id for link in span.links])

    def finished(self, body: bytes | None = None) -> Piece:
        """Return the piece; `body` has exactly its spans."""
        linked = (id for id in self._linked if id != self._id and _is_id(id, _NO_TRACE))
        return Piece(
            trace_id=self._id.hex(),
            count=self._count,
            body=self._body() if body is None else body,
            parts=self.number_of_parts,
            has_root=self._has_root,
            linked=frozenset([id.hex() for id in linked]),
        )

    def _body(self) -> bytes:
        data = TracesData()
        for resource_spans, scope_spans, spans in self._parts:
            resource = data.resource_spans.add(resource=resource_spans.resource, schema_url=resource_spans.schema_url)
            resource.scope_spans.add(scope=scope_spans.scope, schema_url=scope_spans.schema_url, spans=spans)
        return data.SerializeToString()


def _number_of_parts(span: WireSpan) -> int:
    parts = len(span.attributes) + len(span.events) + len(span.links)
    if span.events and parts <= _MOST_PARTS:
        parts += sum(len(event.attributes) for event in span.events)
    if parts > _MOST_PARTS:
        raise TooLarge(f"A span has more than {_MOST_PARTS:,} attributes, events and links.", limit=_MOST_PARTS)
    return parts


def _number_of_attributes(*owners: Any) -> int:
    number = sum(len(owner.attributes) for owner in owners)
    if number > _MOST_PARTS:
        raise TooLarge(
            f"A resource, its scope or a log record has more than {_MOST_PARTS:,} attributes.", limit=_MOST_PARTS
        )
    return number


def _check_number_of_parts(numbers: Iterable[int]) -> None:
    """Refuse what has too many parts before it is written out."""
    if sum(numbers) > _MOST_PARTS_OF_EXPORT:
        raise TooLarge(
            f"The traces of the export have more than {_MOST_PARTS_OF_EXPORT:,} attributes, events and links.",
            limit=_MOST_PARTS_OF_EXPORT,
        )


def divide_records(export: ExportLogsServiceRequest) -> Division:
    """Divide an export of log records into traces. Records of no trace, or without a model's messages, are dropped.

    Raises:
        TooLarge: a record or the whole export has too many attributes.
    """
    pieces: dict[bytes, LogsData] = {}
    counts: Counter[bytes] = Counter()
    parts: Counter[bytes] = Counter()
    dropped = 0
    for resource_logs in export.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            targets: dict[bytes, Any] = {}
            for record in scope_logs.log_records:
                trace_id = record.trace_id
                number_of_attributes = _number_of_attributes(record)
                if not _is_id(trace_id, _NO_TRACE) or not _event_name(record).startswith(_GEN_AI):
                    dropped += 1
                    continue
                if trace_id not in targets:
                    part = pieces.setdefault(trace_id, LogsData()).resource_logs.add().scope_logs.add()
                    targets[trace_id] = part.log_records
                targets[trace_id].append(record)
                counts[trace_id] += 1
                parts[trace_id] += number_of_attributes
    _check_number_of_parts(parts.values())
    return Division(
        [Piece(id.hex(), counts[id], data.SerializeToString(), parts[id]) for id, data in pieces.items()],
        dropped=dropped,
    )


def _event_name(record: WireRecord) -> str:
    """Return the name of the event that a log record is: today it is a field, before it was an attribute."""
    if record.event_name:
        return record.event_name
    return next((item.value.string_value for item in record.attributes if item.key == "event.name"), "")


def packed(body: bytes) -> bytes:
    """Return the body of a piece as it is kept: a large one is compressed, which takes less than to write it out."""
    return zlib.compress(body, 1) if len(body) >= _PACKED_BYTES else body


def _unpacked(body: bytes) -> bytes:
    return zlib.decompress(body) if body.startswith(_PACKED) else body


def spans_of(body: bytes) -> Iterator[Span]:
    """Read the spans of a piece, also if it is packed."""
    for resource_spans in TracesData.FromString(_unpacked(body)).resource_spans:
        resource = _shown(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope.name
            for span in scope_spans.spans:
                yield _span(span, scope, resource)


def _span(span: WireSpan, scope: str, resource: Attributes) -> Span:
    parent_id = span.parent_span_id
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=parent_id.hex() if _is_id(parent_id, _NO_SPAN) else None,
        name=span.name,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        attributes=_shown(span.attributes),
        events=tuple(SpanEvent(one.name, one.time_unix_nano, _shown(one.attributes)) for one in span.events),
        links=tuple(Link(link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        kind=span.kind,
        status_code=span.status.code,
        status_message=without_secrets(span.status.message),
        scope=scope,
        resource=resource,
        has_remote_parent=span.flags & _REMOTE_PARENT == _REMOTE_PARENT,
    )


def records_of(body: bytes) -> Iterator[LogRecord]:
    """Read the log records of a piece, also if it is packed."""
    for resource_logs in LogsData.FromString(_unpacked(body)).resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                yield LogRecord(
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex() if _is_id(record.span_id, _NO_SPAN) else None,
                    name=_event_name(record),
                    time_ns=record.time_unix_nano or record.observed_time_unix_nano,
                    attributes=_shown(record.attributes),
                    body=_shown_body(record.body),
                )


def _shown(items: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes without the secrets in them."""
    attributes = _attributes(items)
    hide(attributes)
    return attributes


def _shown_body(value: AnyValue) -> Value:
    """Return the body of a log record without the secrets in its objects. Their members are named like attributes."""
    body = _value(value)
    hide_within(body)
    return body


def _attributes(items: Iterable[KeyValue]) -> dict[str, Value]:
    return {item.key: _value(item.value) for item in items}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    scalar: Value = getattr(value, kind)
    return scalar
