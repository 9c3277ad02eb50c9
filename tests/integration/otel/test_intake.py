"""Exports are answered as the specification of OTLP says, and what is answered 200 is held."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from asgiref.sync import sync_to_async
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pytest_django import Settings

from events.api import otlp
from events.api.otlp_answers import refused_answer
from events.errors import BadRequest
from events.models import Log, OtelPiece, OtelTrace, Scope
from events.otel import intake
from events.otel.wire import Division
from tests.support.otel import GZIP, JSON, PROTOBUF, export, json_of, new_trace, records, send, span


@sync_to_async
def held(log: Log) -> list[tuple[str, int, int]]:
    """The held traces of a log, with their spans and log records."""
    rows = OtelTrace.objects.filter(log=log, due_at__isnull=False).order_by("trace_id")
    return [(row.trace_id.hex, row.held_spans, row.held_records) for row in rows]


def rpc_message(answer: httpx2.Response) -> str:
    """The message of a google.rpc.Status."""
    if answer.headers["content-type"] == "application/json":
        return str(answer.json()["message"])
    assert answer.headers["content-type"] == "application/x-protobuf"
    # ExportTracePartialSuccess has a number and a text at the places of google.rpc.Status.
    status = ExportTraceServiceResponse().partial_success
    status.ParseFromString(answer.content)
    assert status.rejected_spans > 0
    return status.error_message


@pytest.mark.parametrize("compressed", [False, True])
async def test_spans_in_protobuf_are_held_and_answered_in_protobuf(
    client: httpx2.AsyncClient, log: Log, compressed: bool
) -> None:
    trace, other = sorted([new_trace(), new_trace()])
    answer = await send(client, export(span(trace, 2, 1), span(other, 1), span(trace, 3, 1)), compressed=compressed)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert await held(log) == [(trace.hex(), 2, 0), (other.hex(), 1, 0)]


async def test_spans_in_json_are_held_and_answered_in_json(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    answer = await client.post("/v1/traces", content=json_of(export(span(trace, 1))), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert await held(log) == [(trace.hex(), 1, 0)]


async def test_logs_of_messages_are_held_and_others_dropped(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    answer = await send(client, records(trace, "gen_ai.choice", "another"), signal="logs")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await held(log) == [(trace.hex(), 0, 1)]


async def test_metrics_are_dropped(client: httpx2.AsyncClient, log: Log) -> None:
    answer = await client.post("/v1/metrics", content=b"not even decoded", headers=PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert await held(log) == []


async def test_an_export_of_nothing_is_taken(client: httpx2.AsyncClient, log: Log) -> None:
    assert (await send(client, export())).status_code == 200
    assert (await client.post("/v1/traces", content=b"", headers=PROTOBUF)).status_code == 200


async def test_spans_without_valid_ids_are_rejected_alone(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    bad = [Span(trace_id=trace, span_id=b"short"), Span(trace_id=bytes(16), span_id=bytes(8))]
    answer = await send(client, export(span(trace, 1), *bad))
    assert answer.status_code == 200
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 2
    assert await held(log) == [(trace.hex(), 1, 0)]
    answer = await client.post("/v1/traces", content=json_of(export(*bad)), headers=JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        (PROTOBUF, b"\xff\xff\xff", 400, "bad-request: "),
        (PROTOBUF, b'{"resourceSpans": []}', 400, "bad-request: "),
        (JSON, b'{"resourceSpans": 1}', 400, "bad-request: "),
        (JSON, b"[]", 400, "bad-request: "),
        (JSON, b"[" * 100_000, 400, "bad-request: "),
        (JSON, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "bad-request: "),
        (PROTOBUF | GZIP, b"no gzip", 400, "bad-request: "),
        (PROTOBUF | GZIP, gzip.compress(b"\n\0" * 1000, mtime=0)[:-9], 400, "bad-request: "),
        (PROTOBUF | GZIP, gzip.compress(b"\n\0", mtime=0) + gzip.compress(b"\n\0", mtime=0), 400, "bad-request: "),
        (PROTOBUF | {"Content-Encoding": "deflate"}, zlib.compress(b""), 415, "unsupported-media-type: "),
        (PROTOBUF | {"Content-Encoding": "gzip, gzip"}, b"", 415, "unsupported-media-type: "),
        ({"Content-Type": "application/grpc"}, b"", 415, "http/protobuf"),
        ({"Content-Type": "text/plain"}, b"", 415, "unsupported-media-type: "),
        ({}, b"", 415, "unsupported-media-type: "),
    ],
)
async def test_an_export_that_can_not_be_read_is_refused_for_good(
    client: httpx2.AsyncClient, log: Log, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    answer = await client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == status
    assert words in rpc_message(answer)
    assert "retry-after" not in answer.headers
    assert await held(log) == []


async def test_a_gzip_bomb_is_refused_before_it_is_inflated(client: httpx2.AsyncClient, settings: Settings) -> None:
    limit = settings.EVENTSITE.request_max_bytes
    bomb = gzip.compress(bytes(limit + 1))
    assert len(bomb) < limit / 500
    answer = await client.post("/v1/traces", content=bomb, headers=PROTOBUF | GZIP)
    assert answer.status_code == 413
    assert f"{limit:,} bytes" in rpc_message(answer)


async def test_a_small_body_that_inflates_to_much_is_read_beside_the_event_loop(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def noting(*args: Any, **named: Any) -> Division:
        threads.append(threading.current_thread())
        return intake.division_of(*args, **named)

    monkeypatch.setattr(otlp, "division_of", noting)
    bomb = gzip.compress(b"\x0a\x00" * 200_000)
    assert len(bomb) < 4_000
    answer = await client.post("/v1/traces", content=bomb, headers=PROTOBUF | GZIP)
    assert answer.status_code == 413
    assert "resources and scopes" in rpc_message(answer)
    assert threads
    assert threading.main_thread() not in threads
    assert await held(log) == []


async def test_a_body_over_the_limit_is_refused(client: httpx2.AsyncClient, settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, request_max_bytes=1000)
    answer = await client.post("/v1/traces", content=bytes(1001), headers=PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/x-protobuf")
    assert rpc_message(answer).startswith("too-large: ")


async def test_who_has_no_token_is_refused(client: httpx2.AsyncClient) -> None:
    client.headers["Authorization"] = "Bearer evt_nobody"
    answer = await send(client, export(span(new_trace(), 1)))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert rpc_message(answer).startswith("unauthorized: ")
    del client.headers["Authorization"]
    assert (await send(client, export(span(new_trace(), 1)))).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "fields", "status"),
    [
        ([Scope.READ], {}, 403),
        ([Scope.APPEND], {"agent": "router"}, 403),
        ([Scope.APPEND], {"stream_prefix": "order-"}, 403),
        ([Scope.APPEND], {"stream_prefix": "run-7"}, 403),
        ([Scope.APPEND], {"stream_prefix": "run-"}, 200),
        ([Scope.APPEND], {"stream_prefix": "ru"}, 200),
        ([Scope.ADMIN], {}, 200),
    ],
)
async def test_a_token_must_be_one_that_may_send_any_span(
    client: httpx2.AsyncClient,
    make_token: Callable[..., str],
    log: Log,
    scopes: list[Scope],
    fields: dict[str, str],
    status: int,
) -> None:
    token = await sync_to_async(make_token)(*scopes, **fields)
    client.headers["Authorization"] = f"Bearer {token}"
    answer = await send(client, export(span(new_trace(), 1)))
    assert answer.status_code == status
    assert len(await held(log)) == (status == 200)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "traces", 405), ("PUT", "logs", 405), ("POST", "x", 404)]
)
async def test_other_methods_and_paths_are_refused(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, f"/v1/{path}", headers=PROTOBUF)
    assert answer.status_code == status
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)
    assert rpc_message(answer)


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
async def test_a_path_that_is_no_text_is_refused_in_the_media_type_of_the_request(
    client: httpx2.AsyncClient, media: dict[str, str]
) -> None:
    answer = await client.post("/v1/%FF", headers=media)
    assert (answer.status_code, answer.headers["content-type"]) == (400, media["Content-Type"])
    assert rpc_message(answer).startswith("bad-request: ")


async def test_one_token_can_not_have_any_number_of_bytes_wait(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_MOST_WAITING_BYTES", 100_000)
    large = export(span(new_trace(), 1, text="x" * 60_000))
    answers = await asyncio.gather(*(send(client, large) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
    assert rpc_message(answers[-1]).startswith("too-many-requests: ")
    assert (await send(client, large)).status_code == 200


async def test_one_resource_for_thousands_of_traces_is_not_copied_into_all(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(*args: object) -> None:
        raise AssertionError("it was copied")

    request = export(*(span(new_trace(), 1) for _ in range(5000)), resource="x" * 100_000)
    assert request.ByteSize() < 2 * 2**20
    with monkeypatch.context() as patched:
        patched.setattr(intake, "divide_spans", copy)
        answer = await send(client, request)
    assert answer.status_code == 413
    assert "smaller batches" in rpc_message(answer)
    same_trace = new_trace()
    assert (
        await send(client, export(*(span(same_trace, n) for n in range(1, 5001)), resource="x" * 100_000))
    ).is_success


async def test_an_export_that_could_never_be_held_is_refused_for_good(
    client: httpx2.AsyncClient, log: Log, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_log_max_bytes=100_000)
    trace = new_trace()
    assert (await send(client, export(*(span(trace, n) for n in range(1, 200))))).status_code == 413
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_log_max_bytes=2**28, request_max_events=10)
    assert (await send(client, export(*(span(new_trace(), 1) for _ in range(11))))).status_code == 413
    assert await held(log) == []


async def test_an_export_whose_links_tie_too_many_traces_is_refused_for_good(
    client: httpx2.AsyncClient, log: Log
) -> None:
    trace = new_trace()
    answer = await send(client, export(*(span(trace, n, links=[new_trace() for _ in range(16)]) for n in range(700))))
    assert answer.status_code == 413
    assert "10,000" in rpc_message(answer)
    assert await held(log) == []


async def test_a_log_that_holds_too_much_refuses_for_a_while(
    client: httpx2.AsyncClient, log: Log, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_log_max_bytes=10_000)
    answers = [await send(client, export(span(new_trace(), 1))) for _ in range(12)]
    taken = [answer for answer in answers if answer.status_code == 200]
    assert 3 < len(taken) < 10
    assert {answer.status_code for answer in answers[len(taken) :]} == {429}
    assert answers[-1].headers["retry-after"] == "5"
    assert rpc_message(answers[-1]).startswith("too-much-held: ")
    assert len(await held(log)) == len(taken)


async def test_pieces_of_a_trace_are_numbered_and_kept_as_they_came(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 2, 1)))
    await send(client, export(span(trace, 2, 1)))
    await send(client, records(trace, "gen_ai.choice"), signal="logs")
    rows = OtelPiece.objects.filter(log=log).order_by("number").values_list("number", "count", "are_records")
    assert [row async for row in rows] == [(1, 1, False), (2, 1, False), (3, 1, True)]
    assert await held(log) == [(trace.hex(), 2, 1)]


def test_the_message_of_a_status_may_be_long() -> None:
    answer = refused_answer(BadRequest("é" * 10_000), is_json=False)
    status = ExportTraceServiceResponse().partial_success
    status.ParseFromString(answer.content)
    assert (status.rejected_spans, status.error_message) == (3, "bad-request: " + "é" * 10_000)
    assert orjson.loads(refused_answer(BadRequest("x"), is_json=True).content) == {
        "code": 3,
        "message": "bad-request: x",
    }


async def test_a_full_log_refuses_before_it_decodes(
    client: httpx2.AsyncClient, log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_log_max_bytes=10_000)
    while (await send(client, export(span(new_trace(), 1)))).status_code == 200:
        pass

    def decode(*args: object, **named: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(otlp, "division_of", decode)
    large = export(span(new_trace(), 1, text="x" * 10_000))
    assert (await send(client, large)).status_code == 429


async def test_large_exports_are_read_beside_the_event_loop(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    division_of = intake.division_of

    def noting(*args: Any, **named: Any) -> Division:
        threads.append(threading.current_thread().name)
        return division_of(*args, **named)

    monkeypatch.setattr(otlp, "division_of", noting)
    small, large = (export(span(new_trace(), 1, text="x" * size)) for size in (1_000, 1_000_000))
    interval = sys.getswitchinterval()
    await asyncio.gather(send(client, large), send(client, large, compressed=True), send(client, small))
    await asyncio.gather(*(client.post("/v1/traces", content=json_of(large), headers=JSON) for _ in range(3)))
    assert len([name for name in threads if name != threading.main_thread().name]) == 5
    assert sys.getswitchinterval() == interval
    assert len(await held(log)) == 2
