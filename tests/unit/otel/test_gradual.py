"""A message that is parsed in parts is the same as one that is parsed at once, and other threads go on meanwhile."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from events.errors import BadRequest, TooLarge
from events.otel import gradual
from events.otel.intake import Signal, division_of
from events.otel.wire import spans_of
from tests.support.otel import export, new_trace, span
from tests.support.otlp import captures

MESSAGES: dict[str, type[Message]] = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest}
EXPORT = export(span(b"t" * 16, 1, text="é" * 90), span(b"u" * 16, 2, 1, links=[b"t" * 16])).SerializeToString()
HEADS_BYTES = 20
"""Bytes that stand before a part when it is read in the messages above it."""


def of_length(number: int, content: bytes) -> bytes:
    """A field with a length, as it is on the wire."""
    length, size = b"", len(content)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def empty_spans(count: int) -> bytes:
    return of_length(1, of_length(2, b"\x12\x00" * count))


@pytest.fixture
def tiny_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradual, "PART_BYTES", 24)


@pytest.mark.usefixtures("tiny_parts")
def test_parts_make_the_same_message(shared_data: Path) -> None:
    for name, requests in captures(shared_data):
        for request in requests:
            if not request.is_json and request.path in MESSAGES:
                message = MESSAGES[request.path]()
                gradual.parse(message, request.body)
                assert message == MESSAGES[request.path].FromString(request.body), name


@pytest.mark.usefixtures("tiny_parts")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(EXPORT)), st.integers(0, 5), st.binary(max_size=5))
def test_what_is_no_message_is_refused_as_at_once(place: int, gone: int, new: bytes) -> None:
    body = EXPORT[:place] + new + EXPORT[place + gone :]
    message = ExportTraceServiceRequest()
    try:
        expected = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        with pytest.raises(DecodeError):
            gradual.parse(message, body)
        return
    with suppress(gradual.UnusedType):
        gradual.parse(message, body)
        assert message == expected


def test_an_export_of_very_many_spans_is_refused_before_they_are_parsed() -> None:
    with pytest.raises(TooLarge, match="more than 300,000 fields"):
        division_of(Signal.TRACES, empty_spans(8_000_000), is_json=False)


@pytest.fixture
def parsed_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all that protobuf parses without letting other threads go on."""
    lengths: list[int] = []

    def note(kind: type[Message], method: str) -> None:
        parse = getattr(kind, method)

        def noting(*args: Any) -> Any:
            lengths.append(len(args[-1]))
            return parse(*args)

        monkeypatch.setattr(kind, method, staticmethod(noting) if method == "FromString" else noting)

    for kind in (
        ExportTraceServiceRequest,
        TracesData,
        ResourceSpans,
        Resource,
        ScopeSpans,
        InstrumentationScope,
        Span,
    ):
        for method in ("FromString", "ParseFromString", "MergeFromString"):
            note(kind, method)
    return lengths


def test_a_large_export_is_parsed_in_parts_only(parsed_bytes: list[int]) -> None:
    trace = new_trace()
    body = export(*(span(trace, number, text="x" * 400) for number in range(1, 3_000))).SerializeToString()
    [piece] = division_of(Signal.TRACES, body, is_json=False).pieces
    assert piece.body == body
    assert len(body) < sum(parsed_bytes)
    assert max(parsed_bytes) < gradual.PART_BYTES + HEADS_BYTES


def test_an_export_of_very_many_attributes_of_scopes_is_refused(parsed_bytes: list[int]) -> None:
    one = of_length(2, span(new_trace(), 1).SerializeToString())
    scope = of_length(2, of_length(1, b"\x1a\x00" * 32_000) + one)
    with pytest.raises(TooLarge, match="more than 10,000 attributes"):
        division_of(Signal.TRACES, of_length(1, scope * 256), is_json=False)
    assert max(parsed_bytes) < gradual.PART_BYTES + HEADS_BYTES


@pytest.mark.parametrize(("levels", "is_taken"), [(10, True), (30, False)])
def test_a_large_span_is_nested_no_deeper_than_a_worker_can_read(levels: int, is_taken: bool) -> None:
    small = nested(of_length(1, b"x"), levels)
    large = nested(small + of_length(5, of_length(1, of_length(1, b"x" * 80_000))), 30)
    attribute = of_length(9, of_length(1, b"deep") + of_length(2, large))
    spans = of_length(2, span(new_trace(), 1).SerializeToString() + attribute)
    body = of_length(1, of_length(2, spans))
    if is_taken:
        [piece] = division_of(Signal.TRACES, body, is_json=False).pieces
        assert len(list(spans_of(piece.body))) == 1
    else:
        with pytest.raises(BadRequest, match="nested too deep"):
            division_of(Signal.TRACES, body, is_json=False)


@pytest.mark.usefixtures("tiny_parts")
@pytest.mark.parametrize("padding", [0, 20])
def test_parts_may_be_nested_as_deep_as_the_whole(padding: int) -> None:
    refused = 0
    for levels in range(40, 52):
        value = nested(of_length(1, b"x" * padding), levels)
        attribute = of_length(9, of_length(1, b"deep") + of_length(2, value))
        body = of_length(1, of_length(2, of_length(2, attribute)))
        try:
            ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            refused += 1
            with pytest.raises(DecodeError):
                gradual.parse(ExportTraceServiceRequest(), body)
        else:
            gradual.parse(ExportTraceServiceRequest(), body)
    assert 0 < refused < 12


def nested(value: bytes, levels: int) -> bytes:
    """A value in lists in each other, as it is on the wire."""
    for _ in range(levels):
        value = of_length(5, of_length(1, value))
    return value
