from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.errors import BadRequest, TooLarge
from events.otel.wire import decode, divide_records, divide_spans, packed, records_of, spans_of
from tests.support.otlp import captures

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "ffffffffffffffffffffffffffffffff"
SPAN = "b7ad6b7169203331"


def exported(*spans: dict[str, object]) -> ExportTraceServiceRequest:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "depot"}}]}
    scope_spans = [{"scope": {"name": "test"}, "spans": list(spans)}]
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}
    return decode(ExportTraceServiceRequest(), json.dumps(document).encode(), is_json=True)


def span(trace: str = TRACE, id: str = SPAN, **fields: object) -> dict[str, object]:
    return {"traceId": trace, "spanId": id, "name": "work", **fields}


def test_ids_in_json_are_hex_or_base64() -> None:
    as_base64 = span(*(base64.b64encode(bytes.fromhex(id)).decode() for id in (TRACE, SPAN)))
    for one in (span(), as_base64, span(TRACE.upper(), SPAN.upper())):
        [piece] = divide_spans(exported(one)).pieces
        [read] = spans_of(piece.body)
        assert (piece.trace_id, read.trace_id, read.span_id) == (TRACE, TRACE, SPAN)


def test_json_has_numbers_as_numbers_or_text_and_enums_by_number_or_name() -> None:
    for time, kind, status in ((5, 3, 2), ("5", "SPAN_KIND_CLIENT", "STATUS_CODE_ERROR")):
        one = span(startTimeUnixNano=time, kind=kind, status={"code": status, "message": "no"}, unknown=[1])
        [piece] = divide_spans(exported(one)).pieces
        [read] = spans_of(piece.body)
        assert (read.started_ns, read.kind, read.status_code, read.status_message) == (5, 3, 2, "no")


def test_a_piece_holds_the_spans_of_one_trace_with_their_resource() -> None:
    linked = span(OTHER, links=[{"traceId": TRACE, "spanId": SPAN}, {"traceId": OTHER, "spanId": SPAN}])
    child = span(id="1111111111111111", parentSpanId=SPAN, startTimeUnixNano=3, endTimeUnixNano=9)
    pieces = {piece.trace_id: piece for piece in divide_spans(exported(child, linked)).pieces}
    assert (pieces[TRACE].count, pieces[TRACE].has_root, pieces[TRACE].linked) == (1, False, frozenset())
    assert (pieces[OTHER].has_root, pieces[OTHER].linked) == (True, frozenset([TRACE]))
    [read] = spans_of(pieces[TRACE].body)
    assert (read.parent_id, read.scope, read.resource) == (SPAN, "test", {"service.name": "depot"})


def test_a_large_piece_is_packed_and_read_as_it_was() -> None:
    record = {"traceId": TRACE, "eventName": "gen_ai.choice", "body": {"stringValue": "x" * 40_000}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    of_records = divide_records(decode(ExportLogsServiceRequest(), json.dumps(logs).encode(), is_json=True))
    for pieces, read in (
        (divide_spans(exported(span(name="small"))).pieces, spans_of),
        (divide_spans(exported(span(name="x" * 40_000))).pieces, spans_of),
        (of_records.pieces, records_of),
    ):
        [piece] = pieces
        body = packed(piece.body)
        assert len(body) < 1_000
        assert list(read(body)) == list(read(piece.body))


@pytest.mark.parametrize("trace", ["", "00" * 16, "ab"])
def test_spans_without_valid_ids_are_refused_and_the_others_are_kept(trace: str) -> None:
    division = divide_spans(exported(span(), span(trace), span(id="00" * 8)))
    assert (division.refused, [piece.count for piece in division.pieces]) == (2, [1])


def test_log_records_without_messages_or_without_a_trace_are_dropped() -> None:
    records = [
        {"traceId": TRACE, "spanId": SPAN, "eventName": "gen_ai.choice", "body": {"stringValue": "hello"}},
        {"traceId": TRACE, "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}]},
        {"traceId": TRACE, "spanId": SPAN, "body": {"stringValue": "a line of a log"}},
        {"eventName": "gen_ai.choice"},
    ]
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    division = divide_records(decode(ExportLogsServiceRequest(), json.dumps(document).encode(), is_json=True))
    assert division.dropped == 2
    [piece] = division.pieces
    assert [(one.name, one.span_id, one.body) for one in records_of(piece.body)] == [
        ("gen_ai.choice", SPAN, "hello"),
        ("gen_ai.user.message", None, None),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"resourceSpans": 3}', b"\xff", b"[" * 100_000, b'{"resourceSpans":' * 50_000],
)
def test_json_that_is_no_export_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="not OTLP/JSON|too deep"):
        decode(ExportTraceServiceRequest(), body, is_json=True)


def test_json_of_too_many_objects_is_refused_before_it_is_read() -> None:
    for part in (b"[],", b"{},"):
        with pytest.raises(TooLarge, match="more than 400,000 objects and lists"):
            decode(ExportTraceServiceRequest(), b'{"unknown":[' + part * 1_000_000 + b"0]}", is_json=True)


def test_protobuf_that_is_nested_too_deep_is_a_bad_request() -> None:
    value = b""
    for _ in range(20_000):
        value = b"\x2a" + _varint(len(value) + 0) + value
    with pytest.raises(BadRequest):
        decode(ExportTraceServiceRequest(), b"\x0a" + _varint(len(value)) + value[:-1], is_json=False)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    for is_json in (False, True):
        try:
            export = decode(ExportTraceServiceRequest(), body, is_json=is_json)
        except BadRequest:
            continue
        for piece in divide_spans(export).pieces:
            assert len(list(spans_of(piece.body))) == piece.count


def test_each_capture_is_divided_without_loss(shared_data: Path) -> None:
    for name, requests in captures(shared_data):
        for request in requests:
            if request.path != "/v1/traces":
                continue
            export = decode(ExportTraceServiceRequest(), request.body, is_json=request.is_json)
            count = sum(len(scope.spans) for one in export.resource_spans for scope in one.scope_spans)
            division = divide_spans(export)
            assert (division.refused, sum(piece.count for piece in division.pieces)) == (0, count), name
