"""The answers of OTLP, in the media type of the request: protobuf or JSON.

An error is a `google.rpc.Status`. Its message has the code and the detail of the problem that other answers show.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from django.http import HttpRequest, HttpResponse
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from events.errors import EventsError, MethodNotAllowed, Unauthorized
from events.otel.intake import Signal

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_UNKNOWN, _INVALID, _DENIED, _EXHAUSTED, _INTERNAL, _UNAVAILABLE, _NOBODY = 2, 3, 7, 8, 13, 14, 16
_RPC_CODES: Mapping[int, int] = {
    400: _INVALID,
    401: _NOBODY,
    403: _DENIED,
    413: _INVALID,
    415: _INVALID,
    422: _INVALID,
    429: _EXHAUSTED,
    500: _INTERNAL,
    503: _UNAVAILABLE,
}
"""The codes of google.rpc for statuses of HTTP."""
_RETRY_SECONDS = 2
"""After which an exporter tries again, if the error does not say."""


def is_json(request: HttpRequest) -> bool:
    """Return whether a request is answered in JSON: in protobuf only if it has sent that."""
    return request.content_type != PROTOBUF


def taken_answer(signal: Signal, refused: int, *, is_json: bool) -> HttpResponse:
    """Return the answer to an export of which so many spans were refused, as they have no valid ids."""
    message = _response(signal, refused)
    if is_json:
        text = json_format.MessageToJson(message, indent=None).encode()
        return HttpResponse(text, content_type=JSON)
    return HttpResponse(message.SerializeToString(), content_type=PROTOBUF)


def _response(signal: Signal, refused: int) -> Message:
    if signal is Signal.LOGS:
        return ExportLogsServiceResponse()
    if signal is Signal.METRICS:
        return ExportMetricsServiceResponse()
    response = ExportTraceServiceResponse()
    if refused:
        response.partial_success.rejected_spans = refused
        response.partial_success.error_message = "invalid: a trace id has 16 bytes, a span id 8, and not only zeros."
    return response


def refused_answer(error: EventsError, *, is_json: bool) -> HttpResponse:
    """Return the answer to an export that was refused."""
    code, message = _RPC_CODES.get(error.status, _UNKNOWN), f"{error.code}: {error.detail}"
    if is_json:
        body, media = orjson.dumps({"code": code, "message": message}), JSON
    else:
        body, media = _status(code, message), PROTOBUF
    response = HttpResponse(body, status=error.status, content_type=media)
    if error.status in (429, 503):
        response["Retry-After"] = str(error.retry_after or _RETRY_SECONDS)
    if isinstance(error, Unauthorized):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = error.fields["allow"]
    return response


def _status(code: int, message: str) -> bytes:
    """Return a google.rpc.Status: the code is the varint 1, the message the text 2."""
    text = message.encode(errors="replace")
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])
