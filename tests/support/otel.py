"""Exports of OpenTelemetry, made by hand or captured from real frameworks."""

from __future__ import annotations

import gzip
import os
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}
AGENT = "OTel-OTLP-Exporter-Python/1.45.2"


def new_trace() -> bytes:
    return os.urandom(16)


def span(trace: bytes, number: int, parent: int | None = None, *, name: str = "step", **fields: Any) -> Span:
    """A span of a trace: the ids of its spans are numbers from 1."""
    made = Span(
        trace_id=trace,
        span_id=span_id(number),
        parent_span_id=b"" if parent is None else span_id(parent),
        name=name,
        start_time_unix_nano=1_780_000_000_000_000_000 + number,
        end_time_unix_nano=1_780_000_001_000_000_000 + number,
    )
    for linked in fields.pop("links", ()):
        made.links.add(trace_id=linked, span_id=span_id(1))
    for key, value in fields.items():
        made.attributes.add(key=key.replace("__", ".")).value.string_value = value
    return made


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def export(*spans: Span, resource: str = "") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = resource or "tests"
    resource_spans.scope_spans.add().spans.extend(spans)
    return request


def records(trace: bytes, *names: str) -> ExportLogsServiceRequest:
    """Log records of the first span of a trace."""
    request = ExportLogsServiceRequest()
    scope_logs = request.resource_logs.add().scope_logs.add()
    for number, name in enumerate(names):
        record = scope_logs.log_records.add(trace_id=trace, span_id=span_id(1), event_name=name, time_unix_nano=number)
        record.body.string_value = name
    return request


def json_of(message: Message) -> bytes:
    """An export as OTLP's JSON, whose ids are hex."""
    document = json_format.MessageToDict(message)
    for resource_spans in document.get("resourceSpans", []):
        for scope_spans in resource_spans["scopeSpans"]:
            for one in scope_spans["spans"]:
                for key in {"traceId", "spanId", "parentSpanId"} & one.keys():
                    one[key] = _hex(one[key])
    return httpx2.Request("POST", "http://x", json=document).content


def _hex(text: str) -> str:
    return b64decode(text).hex()


async def send(
    client: httpx2.AsyncClient, message: Message, *, signal: str = "traces", compressed: bool = False
) -> httpx2.Response:
    body = message.SerializeToString()
    headers = {**PROTOBUF, "User-Agent": AGENT, **(GZIP if compressed else {})}
    return await client.post(f"/v1/{signal}", content=gzip.compress(body) if compressed else body, headers=headers)


@dataclass(frozen=True)
class Capture:
    """The exports of one run of a framework, in order of their arrival."""

    name: str
    exports: Sequence[tuple[str, bytes, bool]]
    """The signal, the body, and whether it is JSON."""


def captures(shared_data: Path) -> Iterable[Capture]:
    """All captures of the sample data that have traces."""
    folder = shared_data / "agent-frameworks"
    for index in sorted(folder.glob("*/*/index.jsonl")):
        files = [file for file in sorted(index.parent.iterdir()) if file.name[:3].isdigit()]
        exports = [(file.stem.partition("-")[2], file.read_bytes(), file.suffix == ".json") for file in files]
        yield Capture(str(index.parent.relative_to(folder)), exports)
