"""Whatever comes is refused with a reason or divided; what was divided can be read, and nothing of it is lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from events.errors import BadRequest, TooLarge
from events.otel import intake
from events.otel.intake import Signal, division_of, inflated, size
from events.otel.spans import LogRecord, Span
from events.otel.wire import Division, records_of, spans_of
from tests.support.otel import export, json_of, new_trace, records, span
from tests.support.otlp import captures

SPANS = export(
    span(b"t" * 16, 1, text="é" * 10), span(b"u" * 16, 2, 1, links=[b"t" * 16]), span(b"t" * 16, 3, 1)
).SerializeToString()
RECORDS = records(b"t" * 16, "gen_ai.choice", "other").SerializeToString()
SIGNALS = st.sampled_from([Signal.TRACES, Signal.LOGS])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["traceId", "spanId", "name", "attributes", "events", "links", "kind", "startTimeUnixNano"])


def read(signal: Signal, division: Division) -> list[Span | LogRecord]:
    """All that was divided, as a worker reads it."""
    found: list[Span | LogRecord] = []
    for piece in division.pieces:
        of_piece: list[Span | LogRecord] = []
        of_piece += spans_of(piece.body) if signal is Signal.TRACES else records_of(piece.body)
        assert len(of_piece) == piece.count
        assert {one.trace_id for one in of_piece} == {piece.trace_id}
        assert size(piece) > len(piece.body)
        found += of_piece
    return found


def take(signal: Signal, body: bytes, *, is_json: bool = False, is_gzip: bool = False) -> None:
    """Divide and read a body, or refuse it with a reason that no exporter repeats."""
    with suppress(BadRequest, TooLarge):
        plain = inflated(body, most_bytes=1_000_000) if is_gzip else body
        read(signal, division_of(signal, plain, is_json=is_json))


@given(SIGNALS, st.binary(max_size=300))
def test_any_bytes_are_refused_or_divided(signal: Signal, body: bytes) -> None:
    take(signal, body)
    take(signal, body, is_json=True)
    take(signal, body, is_gzip=True)


@given(SIGNALS, st.data())
def test_a_damaged_export_is_refused_or_divided(signal: Signal, data: st.DataObject) -> None:
    body = bytearray(SPANS if signal is Signal.TRACES else RECORDS)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        body = body or bytearray(b"\0")
    take(signal, bytes(body))
    with suppress(BadRequest, TooLarge):
        inflated(gzip.compress(bytes(body))[: data.draw(st.integers(0, 400))], most_bytes=1_000)


@given(SIGNALS, JSON)
@example(Signal.TRACES, [])
@example(Signal.TRACES, {"resourceSpans": None})
@example(Signal.TRACES, {"resourceSpans": [None]})
@example(Signal.TRACES, {"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"intValue": 2**70}}]}}]})
def test_any_json_is_refused_or_divided(signal: Signal, document: Any) -> None:
    take(signal, json.dumps(document).encode(), is_json=True)


@given(st.dictionaries(MEMBERS, JSON, max_size=4))
@example({"traceId": "g" * 32, "spanId": "0" * 16})
@example({"traceId": "AA" * 16, "spanId": "aa" * 8, "startTimeUnixNano": "-1"})
@example({"traceId": "AA" * 16, "spanId": "aa" * 8, "startTimeUnixNano": 1.5})
@example({"traceId": "AA" * 16, "spanId": "aa" * 8, "startTimeUnixNano": "1800000000000000000", "kind": 99})
def test_any_span_in_json_is_refused_or_divided(members: dict[str, Any]) -> None:
    one = {"traceId": "ab" * 16, "spanId": "cd" * 8, **members}
    take(Signal.TRACES, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode(), is_json=True)


def test_no_span_of_a_capture_is_lost_whatever_its_form(shared_data: Path) -> None:
    for name, requests in captures(shared_data):
        for request in requests:
            if request.path == "/v1/traces" and not request.is_json:
                message = ExportTraceServiceRequest.FromString(request.body)
                ids = [one.span_id.hex() for r in message.resource_spans for s in r.scope_spans for one in s.spans]
                plain, as_json = (
                    read(Signal.TRACES, division_of(Signal.TRACES, body, is_json=is_json))
                    for body, is_json in ((request.body, False), (json_of(message), True))
                )
                assert plain == as_json, name
                assert sorted(str(one.span_id) for one in plain) == sorted(ids)


@pytest.mark.parametrize("most_bytes", [99, 100])
def test_a_body_is_inflated_up_to_its_bound(most_bytes: int) -> None:
    body = gzip.compress(bytes(100))
    if most_bytes == 100:
        assert inflated(body, most_bytes=most_bytes) == bytes(100)
    else:
        with pytest.raises(TooLarge):
            inflated(body, most_bytes=most_bytes)


@pytest.mark.parametrize("body", [b"", gzip.compress(b"ab", mtime=0)[:-1], gzip.compress(b"ab", mtime=0) + b"c", b"x"])
def test_what_is_not_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        inflated(body, most_bytes=100)


def test_many_small_spans_count_for_what_they_take_in_memory() -> None:
    few, many = (
        division_of(Signal.TRACES, export(*spans).SerializeToString(), is_json=False)
        for spans in ([span(new_trace(), 1, text="x" * 10_000)], [span(b"t" * 16, n) for n in range(1, 101)])
    )
    assert size(few.pieces[0]) < 14_000
    assert size(many.pieces[0]) > len(many.pieces[0].body) + 100 * 500


def with_attributes(one: WireSpan) -> None:
    for _ in range(1_000):
        one.attributes.add()


def with_events(one: WireSpan) -> None:
    for _ in range(500):
        one.events.add().attributes.add()


def with_links(one: WireSpan) -> None:
    for _ in range(1_000):
        one.links.add()


def with_nested_values(one: WireSpan) -> None:
    values = one.attributes.add().value.array_value
    for _ in range(2_000):
        values.values.add()


def with_nested_members(one: WireSpan) -> None:
    members = one.attributes.add().value.kvlist_value
    for _ in range(2_000):
        members.values.add()


@pytest.mark.parametrize("fill", [with_attributes, with_events, with_links, with_nested_values, with_nested_members])
def test_the_parts_of_a_span_count_for_what_they_take_in_memory(fill: Callable[[WireSpan], None]) -> None:
    empty, full = span(new_trace(), 1), span(new_trace(), 1)
    fill(full)
    sizes = []
    for one in (empty, full):
        [piece] = division_of(Signal.TRACES, export(one).SerializeToString(), is_json=False).pieces
        sizes.append(size(piece))
    assert sizes[1] - sizes[0] > 100_000


def test_a_span_of_too_many_parts_is_refused_before_anything_looks_at_them() -> None:
    for key, number in (("attributes", 10_001), ("events", 10_001), ("links", 10_001), ("events", 5_001)):
        one = span(new_trace(), 1)
        for _ in range(number):
            part = getattr(one, key).add()
            if number == 5_001:
                part.attributes.add()
        with pytest.raises(TooLarge, match="more than 10,000 attributes, events and links"):
            division_of(Signal.TRACES, export(one).SerializeToString(), is_json=False)


def empty_attributes(owner: Any, count: int) -> None:
    owner.attributes.extend([KeyValue()] * count)


def owners_of(spans: ExportTraceServiceRequest) -> list[Any]:
    """The resource and the scope of an export, which have attributes as well."""
    [resource_spans] = spans.resource_spans
    return [resource_spans.resource, resource_spans.scope_spans[0].scope]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("is_json", [False, True])
def test_attributes_of_resources_and_scopes_count_in_each_trace(which: int, is_json: bool) -> None:
    def written(count: int) -> bytes:
        spans = export(span(b"t" * 16, 1), span(b"u" * 16, 1))
        empty_attributes(owners_of(spans)[which], count)
        return json_of(spans) if is_json else spans.SerializeToString()

    few, many = (division_of(Signal.TRACES, written(count), is_json=is_json).pieces for count in (0, 1_000))
    assert min(map(size, many)) > max(map(size, few)) + 100_000
    assert [piece.parts for piece in many] == [piece.parts + 1_000 for piece in few]
    with pytest.raises(TooLarge, match="more than 10,000 attributes"):
        division_of(Signal.TRACES, written(10_001), is_json=is_json)


def test_references_to_entities_are_left_out() -> None:
    spans = export(span(new_trace(), 1))
    plain = spans.SerializeToString()
    owners_of(spans)[0].entity_refs.add(type="host", id_keys=["host.id"])
    [piece] = division_of(Signal.TRACES, spans.SerializeToString(), is_json=False).pieces
    assert piece.body == plain


def test_an_export_of_too_many_parts_is_refused_before_it_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*args: object) -> None:
        raise AssertionError("it was written out")

    one, record = span(new_trace(), 1), records(new_trace(), "gen_ai.choice")
    empty_attributes(one, 9_000)
    spans = export(*[one] * 56).SerializeToString()
    [scope_logs] = record.resource_logs[0].scope_logs
    empty_attributes(scope_logs.log_records[0], 9_000)
    scope_logs.log_records.extend([scope_logs.log_records[0]] * 55)
    logs = record.SerializeToString()
    monkeypatch.setattr(ExportTraceServiceRequest, "SerializeToString", write)
    monkeypatch.setattr(LogsData, "SerializeToString", write)
    for signal, body in ((Signal.TRACES, spans), (Signal.LOGS, logs)):
        with pytest.raises(TooLarge, match="more than 500,000 attributes, events and links"):
            division_of(signal, body, is_json=False)


def test_a_log_record_of_too_many_attributes_is_refused() -> None:
    logs = records(new_trace(), "gen_ai.choice")
    empty_attributes(logs.resource_logs[0].scope_logs[0].log_records[0], 10_001)
    with pytest.raises(TooLarge, match="more than 10,000 attributes"):
        division_of(Signal.LOGS, logs.SerializeToString(), is_json=False)


def test_an_export_of_too_many_values_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*args: object, **named: object) -> None:
        raise AssertionError("it was decoded")

    one = span(new_trace(), 1)
    one.attributes.add().value.array_value.values.extend([AnyValue()] * 1_100_000)
    body = export(one).SerializeToString()
    monkeypatch.setattr(intake, "decode", decode)
    with pytest.raises(TooLarge, match="It holds too much"):
        division_of(Signal.TRACES, body, is_json=False)


def test_a_resource_of_many_scopes_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []
    measure = Resource.ByteSize

    def note(resource: Resource) -> int:
        measured.append(resource)
        return measure(resource)

    spans = export(span(new_trace(), 1), resource="x" * 1_000)
    spans.resource_spans[0].scope_spans.extend([spans.resource_spans[0].scope_spans[0]] * 9)
    monkeypatch.setattr(Resource, "ByteSize", note)
    division_of(Signal.TRACES, spans.SerializeToString(), is_json=False)
    assert len(measured) == 1


def test_millions_of_empty_spans_are_refused_before_anything_looks_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*args: object) -> None:
        raise AssertionError("each of them was looked at")

    monkeypatch.setattr(intake, "divide_spans", look)
    monkeypatch.setattr(intake, "_copied_bytes", look)
    with pytest.raises(TooLarge, match="It has 140,000 spans"):
        division_of(Signal.TRACES, export(*[WireSpan()] * 140_000).SerializeToString(), is_json=False)


def test_links_of_a_span_that_has_many_tie_no_traces() -> None:
    others = [new_trace() for _ in range(17)]
    few, many = span(b"t" * 16, 1, links=others[:16]), span(b"u" * 16, 1, links=others)
    pieces = division_of(Signal.TRACES, export(few, many).SerializeToString(), is_json=False).pieces
    assert [len(piece.linked) for piece in pieces] == [16, 0]


@pytest.mark.parametrize("signal", [Signal.TRACES, Signal.LOGS])
def test_millions_of_empty_resources_or_scopes_are_refused_before_anything_looks_at_them(
    signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*args: object) -> None:
        raise AssertionError("each of them was looked at")

    monkeypatch.setattr(intake, "_copied_bytes", look)
    empty_resources = b"\x0a\x00" * 200_000
    scopes = b"\x12\x00" * 16_000
    one_resource_of_many_scopes = b"\x0a" + encoded_varint(len(scopes)) + scopes
    for body in (empty_resources, one_resource_of_many_scopes):
        with pytest.raises(TooLarge, match="resources and scopes"):
            division_of(signal, body, is_json=False)


def encoded_varint(number: int) -> bytes:
    """Return a number below 16,384 * 128 as protobuf writes it in three bytes."""
    return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14])
