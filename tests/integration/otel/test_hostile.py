"""Spans that nobody would send in good faith become events like others, and harm nobody."""

from __future__ import annotations

import httpx2
import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from events.models import Log, OtelFailure, OtelTrace
from events.otel.worker import working
from tests.support.otel import events_of, export, new_trace, pass_time, send, span, work


def deep(levels: int) -> AnyValue:
    value = AnyValue(string_value="bottom")
    for _ in range(levels):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


def odd_spans(trace: bytes) -> list[Span]:
    """Spans with everything that an append would refuse, and a log could not keep."""
    nested, exact, huge = span(trace, 2, 1), span(trace, 3, 1), span(trace, 4, 1, gen_ai__input__messages="[" * 10**6)
    nested.attributes.add(key="nested").value.CopyFrom(deep(40))
    exact.attributes.add(key="infinite").value.double_value = float("inf")
    exact.attributes.add(key="not a number").value.double_value = float("nan")
    exact.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    exact.attributes.add(key="smallest").value.int_value = -(2**63)
    exact.attributes.add(key="").value.string_value = "\0\u2028\u202e"
    exact.start_time_unix_nano, exact.end_time_unix_nano = 2**64 - 1, 0
    names = [span(trace, 5, 5, name="\0" * 1000), span(trace, 6, 7, name=""), span(trace, 7, 6, name="x" * 10**6)]
    own_agent = span(trace, 8, 1, gen_ai__operation__name="invoke_agent", gen_ai__agent__name="\n" * 500)
    own_conversation = span(trace, 9, 1, gen_ai__conversation__id="eventsite-pauses\0" * 100)
    return [nested, exact, huge, *names, own_agent, own_conversation, span(trace, 1)]


async def test_odd_spans_become_events(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    assert (await send(client, export(*odd_spans(trace), resource="r\0" * 1000))).status_code == 200
    await pass_time(log, 61)
    async with working() as worker:
        await work(worker)
    events = await events_of(log)
    assert {orjson.loads(event.metadata)["otel"]["span"][-1] for event in events} == set("123456789")
    assert {event.stream for event in events} == {f"run-{trace.hex()}"}
    assert max(event.size for event in events) < 2**20
    assert not await OtelFailure.objects.filter(log=log).aexists()


async def test_an_attribute_may_be_as_large_as_a_request(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    assert (await send(client, export(span(trace, 1, text="ü" * (7 * 2**20))), compressed=True)).status_code == 200
    await pass_time(log, 7)
    async with working() as worker:
        await work(worker)
    [event] = await events_of(log)
    assert event.size < 100_000
    assert "cut" in orjson.loads(event.metadata)


async def test_spans_that_are_linked_to_all_others_are_mapped_all_the_same(
    client: httpx2.AsyncClient, log: Log
) -> None:
    traces = [new_trace() for _ in range(300)]
    spans = [span(trace, 1, links=[*traces, *(new_trace() for _ in range(300))]) for trace in traces]
    assert (await send(client, export(*spans))).status_code == 200
    await pass_time(log, 61)
    async with working() as worker:
        await work(worker)
    assert len(await events_of(log)) == 300
    assert not await OtelTrace.objects.filter(log=log, due_at__isnull=False).aexists()
