"""Exports of OpenTelemetry, made by hand, and a small mapper."""

from __future__ import annotations

import gzip
import os
from base64 import b64decode
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import httpx2
import orjson
from asgiref.sync import sync_to_async
from django.db.models import F
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from events.models import Log, OtelPiece, OtelRun, OtelTrace
from events.otel import spans as otel
from events.otel.mapping.run import MappedEvent, MappedRun, RunName
from events.otel.wire import decode
from events.otel.worker import Worker
from events.reading import store
from events.types import Event
from tests.support.otlp import Request

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}
Part: TypeAlias = tuple[str, Any]
"""A signal, and an export."""
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


def event_id(trace: bytes, number: int) -> str:
    """The id of the event that `map_plainly()` makes of a span."""
    return f"{trace.hex()}:{number:016x}:end"


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


def parts(requests: Iterable[Request]) -> list[Part]:
    """Every span and log record of a captured run as an export of its own, with its signal."""
    found: list[Part] = []
    for request in requests:
        if request.path == "/v1/traces":
            spans = decode(ExportTraceServiceRequest(), request.body, is_json=request.is_json)
            for resource_spans in spans.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    for span in scope_spans.spans:
                        part = ExportTraceServiceRequest()
                        one = part.resource_spans.add(resource=resource_spans.resource).scope_spans.add()
                        one.scope.CopyFrom(scope_spans.scope)
                        one.spans.append(span)
                        found.append(("traces", part))
        elif request.path == "/v1/logs":
            logs = decode(ExportLogsServiceRequest(), request.body, is_json=request.is_json)
            for resource_logs in logs.resource_logs:
                for scope_logs in resource_logs.scope_logs:
                    for record in scope_logs.log_records:
                        part_of_logs = ExportLogsServiceRequest()
                        part_of_logs.resource_logs.add().scope_logs.add().log_records.append(record)
                        found.append(("logs", part_of_logs))
    return found


def joined(some: Iterable[Part]) -> list[Part]:
    """Parts as one export a signal."""
    exports: dict[str, Any] = {}
    for signal, part in some:
        exports.setdefault(signal, type(part)()).MergeFrom(part)
    return list(exports.items())


@sync_to_async
def events_of(log: Log) -> list[Event]:
    return store.events(log.pk, limit=100_000).fetch()


async def ids_of(log: Log) -> list[str]:
    return [event.id for event in await events_of(log)]


@sync_to_async
def pass_time(log: Log, seconds: float) -> None:
    """Let all that is held or kept in a log be older by so much."""
    step = timedelta(seconds=seconds)
    OtelTrace.objects.filter(log=log).update(
        due_at=F("due_at") - step, waits_since=F("waits_since") - step, last_at=F("last_at") - step
    )
    OtelPiece.objects.filter(log=log).update(received_at=F("received_at") - step)
    OtelRun.objects.filter(log=log).update(named_at=F("named_at") - step)


async def work(worker: Worker) -> None:
    """Map all that is due. (A worker that always finds something, and does nothing about it, fails the test.)"""
    for _ in range(1_000):
        if not await worker.turn():
            return
    raise AssertionError("the worker has no end")


def map_plainly(
    spans: Iterable[otel.Span],
    records: Iterable[otel.LogRecord] = (),
    *,
    name: RunName | None = None,
    ids_in_log: Collection[str] = (),
) -> MappedRun:
    """A small mapper: an event for each span, of the span's name, with the names of its log records as data."""
    once = list({(one.trace_id, one.span_id): one for one in reversed(list(spans))}.values())
    first = min(one.trace_id for one in once)
    name = name or RunName(f"run-{first}", first)
    known = {(one.trace_id, one.span_id) for one in once}
    events = [
        MappedEvent(
            id=f"{one.trace_id}:{one.span_id}:end",
            stream=name.stream,
            type=one.name,
            agent=None,
            data=orjson.dumps(sorted(record.name for record in records if record.span_id == one.span_id)),
            metadata=b"{}",
            correlation_id=name.correlation_id,
            causation_id=f"{one.trace_id}:{one.parent_id}:end" if (one.trace_id, one.parent_id) in known else None,
            occurred_at=None,
        )
        for one in sorted(once, key=lambda one: (one.started_ns, one.span_id))
    ]
    return MappedRun(name, events)
