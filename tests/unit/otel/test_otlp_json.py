"""OTLP's JSON becomes the same messages as by protobuf's own reader, and its errors tell nothing of the document."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from events.otel.otlp_json import FieldError, decoded, fill

SECRET = "the patient Ada has diabetes"
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.one_of(
    st.builds(lambda value: AnyValue(string_value=value), st.text(max_size=20)),
    st.builds(lambda value: AnyValue(bool_value=value), st.booleans()),
    st.builds(lambda value: AnyValue(int_value=value), INTEGERS),
    st.builds(lambda value: AnyValue(double_value=value), st.floats(allow_nan=False)),
    st.builds(lambda value: AnyValue(bytes_value=value), st.binary(max_size=40)),
    st.just(AnyValue()),
)


def a_list(values: list[AnyValue]) -> AnyValue:
    value = AnyValue()
    value.array_value.SetInParent()
    value.array_value.values.extend(values)
    return value


def an_object(members: dict[str, AnyValue]) -> AnyValue:
    value = AnyValue()
    value.kvlist_value.SetInParent()
    for key, member in members.items():
        value.kvlist_value.values.add(key=key).value.CopyFrom(member)
    return value


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(a_list, st.lists(inner, max_size=3))
        | st.builds(an_object, st.dictionaries(st.text(max_size=5), inner, max_size=3))
    ),
    max_leaves=8,
)


@st.composite
def traces(draw: st.DrawFn) -> TracesData:
    message = TracesData()
    resource = message.resource_spans.add(schema_url=draw(st.text(max_size=5)))
    resource.resource.attributes.add(key="service.name").value.CopyFrom(draw(VALUES))
    span = resource.scope_spans.add().spans.add(
        trace_id=draw(st.binary(min_size=16, max_size=16)),
        span_id=draw(st.binary(min_size=8, max_size=8)),
        name=draw(st.text(max_size=10)),
        kind=draw(st.sampled_from(Span.SpanKind.values())),
        start_time_unix_nano=draw(st.integers(0, 2**64 - 1)),
        flags=draw(st.integers(0, 2**32 - 1)),
        status=Status(code=draw(st.sampled_from(Status.StatusCode.values()))),
    )
    span.events.add(name="e").attributes.add(key="a").value.CopyFrom(draw(VALUES))
    span.links.add(trace_id=draw(st.binary(max_size=16)))
    return message


@given(traces(), st.booleans(), st.booleans())
def test_a_message_comes_back_from_its_json(message: TracesData, has_own_names: bool, has_numbers: bool) -> None:
    document = json_format.MessageToDict(
        message, preserving_proto_field_name=has_own_names, use_integers_for_enums=has_numbers
    )
    read = TracesData()
    fill(read, decoded(TracesData.DESCRIPTOR, json.dumps(document).encode()))
    assert read == message


@pytest.mark.parametrize(
    "members",
    [
        {"name": 5},
        {"name": [SECRET]},
        {"startTimeUnixNano": SECRET},
        {"startTimeUnixNano": 1.5},
        {"startTimeUnixNano": True},
        {"startTimeUnixNano": 2**64},
        {"startTimeUnixNano": "9" * 5_000},
        {"kind": SECRET},
        {"kind": [SECRET]},
        {"traceId": 5},
        {"attributes": {"key": SECRET}},
        {"attributes": [SECRET]},
        {"attributes": SECRET},
        {"attributes": [None]},
        {"attributes": [{"key": "a", "value": {"boolValue": SECRET}}]},
        {"attributes": [{"key": "a", "value": {"intValue": SECRET}}]},
        {"attributes": [{"key": "a", "value": {"doubleValue": SECRET}}]},
        {"attributes": [{"key": "a", "value": {"doubleValue": True}}]},
        {"attributes": [{"key": "a", "value": {"stringValue": "\ud800"}}]},
        {"status": SECRET},
    ],
)
def test_a_wrong_value_is_named_by_its_field_and_not_quoted(members: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="^the field '[a-zA-Z]+' of [a-zA-Z]+ has a wrong value$"):
        fill(Span(), members)


def test_what_is_null_or_unknown_is_left_out() -> None:
    span = Span()
    fill(span, {"name": None, "attributes": None, "status": None, "newField": [SECRET], "kind": 3})
    assert span == Span(kind=Span.SPAN_KIND_CLIENT)


def test_bytes_are_no_hex_but_ids_are() -> None:
    digits = "ab" * 16
    span = Span()
    fill(span, {"traceId": digits, "attributes": [{"key": "a", "value": {"bytesValue": digits}}]})
    assert span.trace_id == bytes.fromhex(digits)
    assert len(span.attributes[0].value.bytes_value) == 24


def test_what_is_nested_deeper_than_protobuf_reads_is_refused() -> None:
    accepted = 0
    for levels in (*range(30, 60), 20_000):
        value: dict[str, Any] = {"stringValue": "bottom"}
        for _ in range(levels):
            value = {"arrayValue": {"values": [value]}}
        span = {"attributes": [{"key": "a", "value": value}]}
        message = TracesData()
        try:
            fill(message, {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        except FieldError:
            continue
        accepted += 1
        assert TracesData.FromString(message.SerializeToString()) == message
    assert 10 < accepted < 20


def test_members_that_a_message_does_not_have_are_skipped_and_never_made() -> None:
    members = ",".join(f'"{number}":1' for number in range(100_000))
    document = f'{{"resourceSpans":[{{"other":{{{members}}},"schemaUrl":"x"}}]}}'.encode()
    decoded(TracesData.DESCRIPTOR, b"{}")  # the decoder itself is made once
    tracemalloc.start()
    try:
        assert decoded(TracesData.DESCRIPTOR, document) == {"resourceSpans": [{"schemaUrl": "x"}]}
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < len(members) / 10


@pytest.mark.parametrize(
    "document", ['{"resourceSpans": [{"schemaUrl": {"%s": 1}}]}', '{"resourceSpans": "%s"}', "[1]"]
)
def test_what_is_no_such_message_is_refused_and_not_quoted(document: str) -> None:
    with pytest.raises(msgspec.DecodeError) as refusal:
        decoded(TracesData.DESCRIPTOR, document.replace("%s", SECRET).encode())
    assert SECRET not in str(refusal.value)
