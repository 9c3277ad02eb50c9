"""A message that is parsed in parts is the same as one that is parsed at once, and other threads go on meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.errors import BadRequest, TooLarge
from events.otel import gradual
from events.otel.intake import Signal, division_of
from events.otel.wire import spans_of
from tests.support.otel import export, new_trace, span
from tests.support.otlp import captures

MESSAGES: dict[str, type[Message]] = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest}
EXPORT = export(span(b"t" * 16, 1, text="é" * 90), span(b"u" * 16, 2, 1, links=[b"t" * 16])).SerializeToString()


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


def test_other_threads_go_on_while_a_large_message_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradual, "MOST_FIELDS", 10_000_000)
    body = empty_spans(4_000_000)

    def at_once() -> None:
        ExportTraceServiceRequest().ParseFromString(body)

    def in_parts() -> None:
        gradual.parse(ExportTraceServiceRequest(), body)

    assert min(longest_wait(in_parts) for _ in range(3)) < longest_wait(at_once) / 4


def longest_wait(work: Callable[[], None]) -> float:
    """The longest time in seconds for which this thread had to wait while another one did some work."""
    thread = threading.Thread(target=work)
    longest, before = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        time.sleep(0.0001)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest


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


def nested(value: bytes, levels: int) -> bytes:
    """A value in lists in each other, as it is on the wire."""
    for _ in range(levels):
        value = of_length(5, of_length(1, value))
    return value
