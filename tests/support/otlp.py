"""Captured exports of agents' frameworks, as files have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.otel.wire import Piece, decode, divide_records, divide_spans


class Request(Struct, frozen=True):
    """One request of an exporter: `path` is /v1/traces, /v1/logs or /v1/metrics."""

    path: str
    content_type: str
    body: bytes

    @property
    def is_json(self) -> bool:
        return self.content_type == "application/json"

    def pieces(self) -> list[Piece]:
        """The pieces of traces that this request holds."""
        if self.path == "/v1/traces":
            return divide_spans(decode(ExportTraceServiceRequest(), self.body, is_json=self.is_json)).pieces
        if self.path == "/v1/logs":
            return divide_records(decode(ExportLogsServiceRequest(), self.body, is_json=self.is_json)).pieces
        return []


def capture(folder: Path) -> list[Request]:
    """The requests of one captured run, in the order of their arrival."""
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return [_request(folder, json.loads(line)) for line in lines]


def _request(folder: Path, line: dict[str, str]) -> Request:
    return Request(line["path"], line["content_type"], (folder / line["file"]).read_bytes())


def captures(shared_data: Path) -> Iterator[tuple[str, list[Request]]]:
    """All captured runs that came as OTLP, by name: `langgraph/openinference`, say."""
    root = shared_data / "agent-frameworks"
    for index in sorted(root.glob("*/*/index.jsonl")):
        yield str(index.parent.relative_to(root)), capture(index.parent)
