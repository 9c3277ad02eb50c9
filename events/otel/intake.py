"""The spans and records of an export: its body is inflated, decoded and divided into traces. All of it is bounded.

Every bound is about memory. What a piece takes later, when a worker reads it, is estimated here, so that the bounds
of a trace and of a log (`holding.py`) hold for many small spans as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from django.conf import settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.errors import BadRequest, TooLarge
from events.otel.wire import Division, Piece, decode, divide_records, divide_spans

_PIECE_BYTES = 1024
_SPAN_BYTES = 512
_PART_BYTES = 128
_VALUE_BYTES = 64
"""The bytes that a piece, its spans, their parts and their values take besides their text: in rows, and in a worker."""
_VALUE = b"\n"
"""The byte with which an item of a list begins on the wire. (A line of a text ends with it, and counts as well.)"""
_MOST_TIES = 10_000
"""Other traces to which an export may tie its traces: two rows each."""
_MOST_PARTS = 10_000
"""Resources and scopes of an export. Exporters send about one for each library that makes spans."""
_GZIP = 31
"""The window bits by which zlib reads gzip, and nothing else."""
_SHARE = 4
"""An export may fill a quarter of the room of its log. Else it might be refused for ever, although a retry is asked."""


class Signal(Enum):
    """The kind of an export; the value is the end of its path."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


def size(piece: Piece) -> int:
    """Return about how many bytes a piece takes in the memory of a worker."""
    return (
        len(piece.body)
        + _VALUE_BYTES * piece.body.count(_VALUE)
        + _PART_BYTES * piece.parts
        + _SPAN_BYTES * piece.count
        + _PIECE_BYTES
    )


def division_of(signal: Signal, body: bytes, *, is_json: bool) -> Division:
    """Return what an export holds, whose body was inflated. Nobody keeps metrics, so they are not even decoded.

    Raises:
        BadRequest: the body can't be decoded.
        TooLarge: it holds more than a request may.
    """
    if signal is Signal.METRICS:
        return Division([])
    return _check_size(_DIVIDE[signal](body, is_json))


def inflated(body: bytes, *, most_bytes: int) -> bytes:
    """Return what was compressed with gzip.

    Raises:
        BadRequest: it is not gzip, or not all of it.
        TooLarge: it is more than `most_bytes`.
    """
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated_body = inflater.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise BadRequest(f"The body is not gzip: {error}.") from None
    if len(inflated_body) > most_bytes:
        raise TooLarge(f"The inflated body has more than {most_bytes:,} bytes.", field="body", limit=most_bytes)
    if not inflater.eof or inflater.unused_data:
        raise BadRequest("The body is not gzip, or it has no end, or something comes after its end.")
    return inflated_body


def _spans(body: bytes, is_json: bool) -> Division:
    if not is_json and _VALUE_BYTES * body.count(_VALUE) > _most_bytes():  # pieces would be refused, once they are made
        raise _too_large("It holds too much")
    export = decode(ExportTraceServiceRequest(), body, is_json=is_json)
    _check_parts(export.resource_spans, "scope_spans", "spans")
    _leave_out_entities(export)
    _check_copies(export)
    return divide_spans(export)


def _records(body: bytes, is_json: bool) -> Division:
    export = decode(ExportLogsServiceRequest(), body, is_json=is_json)
    _check_parts(export.resource_logs, "scope_logs", "log_records")
    return divide_records(export)


_DIVIDE: Mapping[Signal, Callable[[bytes, bool], Division]] = {Signal.TRACES: _spans, Signal.LOGS: _records}


def _check_parts(resources: Sequence[Any], scopes: str, spans: str) -> None:
    """Refuse an export of many resources, scopes or spans before each is looked at: an empty one takes two bytes."""
    parts = len(resources)
    if parts <= _MOST_PARTS:
        parts += sum(len(getattr(resource, scopes)) for resource in resources)
    if parts > _MOST_PARTS:
        raise TooLarge(
            f"The export has more than {_MOST_PARTS:,} resources and scopes: send smaller batches.", limit=_MOST_PARTS
        )
    number = sum(len(getattr(scope, spans)) for resource in resources for scope in getattr(resource, scopes))
    if number * _SPAN_BYTES > _most_bytes():
        raise _too_large(f"It has {number:,} {spans.replace('_', ' ')}")


def _leave_out_entities(export: ExportTraceServiceRequest) -> None:
    """Remove the references to entities, which nobody reads: an empty one takes two bytes, and many times that here."""
    for resource_spans in export.resource_spans:
        if resource_spans.resource.entity_refs:
            resource_spans.resource.ClearField("entity_refs")


def _check_copies(export: ExportTraceServiceRequest) -> None:
    """Refuse an export whose resources would be copied into too many traces: a piece has its resource with it."""
    if _copied_bytes(export, len) > _most_bytes() and _copied_bytes(export, _number_of_traces) > _most_bytes():
        raise _too_large("Its resources belong to too many traces")


def _copied_bytes(export: ExportTraceServiceRequest, number_of_copies: Callable[[Any], int]) -> int:
    total = 0
    for resource_spans in export.resource_spans:
        resource_bytes = resource_spans.resource.ByteSize()  # once: it may be large, and have thousands of scopes
        for scope_spans in resource_spans.scope_spans:
            total += (resource_bytes + scope_spans.scope.ByteSize()) * number_of_copies(scope_spans.spans)
    return total


def _number_of_traces(spans: Any) -> int:
    return len({span.trace_id for span in spans})


def _check_size(division: Division) -> Division:
    limits = settings.EVENTSITE
    if len(division.pieces) > limits.request_max_events:
        raise TooLarge(
            f"The export has spans of {len(division.pieces):,} traces; the limit is {limits.request_max_events:,}.",
            limit=limits.request_max_events,
        )
    if sum(len(piece.linked) for piece in division.pieces) > _MOST_TIES:
        raise TooLarge(
            f"The links of its spans tie the traces of the export to more than {_MOST_TIES:,} others.", limit=_MOST_TIES
        )
    if sum(map(size, division.pieces)) > _most_bytes():
        raise _too_large("It holds too much")
    return division


def _most_bytes() -> int:
    limit: int = settings.EVENTSITE.otel_log_max_bytes // _SHARE
    return limit


def _too_large(reason: str) -> TooLarge:
    limit = _most_bytes()
    return TooLarge(f"The export would take more than {limit:,} bytes. {reason}: send smaller batches.", limit=limit)
