"""Events of a block have its workflow, agent and cause: in tasks, threads and other processes too."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from eventsite_client import Append, Appended, AsyncClient, Client, NewEvent, PlacedEvent, Run, carry, trace_headers
from tests.support.patience import PATIENCE
from tests.support.transports import Scripted

APPENDED = {
    "log": "main",
    "stream": "s",
    "first_position": 1,
    "last_position": 2,
    "version": 2,
    "replayed": False,
    "events": [{"id": "one", "position": 1, "version": 1}, {"id": "two", "position": 2, "version": 2}],
}
EVENT = NewEvent("A")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Log(Scripted):
    """Notes the events that are appended."""

    def __init__(self, answer: Any = APPENDED) -> None:
        super().__init__(answer)

    @property
    def events(self) -> list[tuple[str | None, str | None, str | None]]:
        """Workflow, agent and cause of each event."""
        bodies = [msgspec.json.decode(request.content) for request in self.requests]
        events = [event for body in bodies for event in body["events"]]
        return [tuple(event.get(name) for name in ("correlation_id", "agent", "causation_id")) for event in events]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def client(log: Log) -> Client:
    return Client("http://testserver", "evt_x", transport=lambda: log)


def test_events_get_what_their_block_has(client: Client, log: Log) -> None:
    client.append("s", EVENT)
    with client.run("order-1", agent="router", cause="cause"):
        client.append("s", EVENT)
        client.append("s", NewEvent("A", agent="own", correlation_id="other", causation_id="mine"))
    client.append("s", EVENT)
    nothing = (None, None, None)
    assert log.events == [nothing, ("order-1", "router", "cause"), ("other", "own", "mine"), nothing]


def test_a_block_changes_only_what_it_names(client: Client, log: Log) -> None:
    with client.run("order-1", agent="router"):
        with client.run(cause="one"), client.run(agent="packer"):
            client.append("s", EVENT)
        client.append("s", EVENT)
    assert log.events == [("order-1", "packer", "one"), ("order-1", "router", None)]


@pytest.mark.parametrize(
    "cause",
    ["two", PlacedEvent(id="two", position=2, version=2), msgspec.convert(APPENDED, Appended)],
    ids=["id", "placed", "append"],
)
def test_a_cause_is_an_event_its_id_or_its_append(client: Client, log: Log, cause: Any) -> None:
    with client.run(cause=cause):
        client.append("s", EVENT)
    assert log.events == [(None, None, "two")]


def test_every_way_to_append_takes_the_block(log: Log) -> None:
    answer = {"results": [{"status": 201, "body": APPENDED}], "appended": 1, "replayed": 0, "failed": 0, "errors": []}
    transport = Log(answer)
    with Client("http://testserver", "evt_x", transport=lambda: transport) as client:
        with client.run("order-1"):
            client.append_all(Append(stream="s", events=(EVENT,)))
            client.log("s", EVENT)
        assert client.flush()
    assert [b'"correlation_id":"order-1"' in request.content for request in transport.requests] == [True, True]


def test_a_block_that_raises_ends(client: Client, log: Log) -> None:
    with pytest.raises(ZeroDivisionError), client.run("order-1"):
        raise ZeroDivisionError
    client.append("s", EVENT)
    assert log.events == [(None, None, None)]


def test_a_function_may_be_a_block(client: Client, log: Log) -> None:
    @client.run("order-1", agent="router")
    def work(depth: int) -> int:
        client.append("s", EVENT)
        return depth if depth == 0 else work(depth - 1)

    assert work(1) == 0
    client.append("s", EVENT)
    assert log.events == [("order-1", "router", None)] * 2 + [(None, None, None)]
    assert work.__name__ == "work"


async def test_tasks_take_the_block_along_and_do_not_meet(log: Log) -> None:
    async with AsyncClient("http://testserver", "evt_x", transport=lambda: log) as client:

        @client.run(agent="router")
        async def work(workflow: str) -> None:
            with client.run(workflow):
                await asyncio.sleep(0.01)
                await client.append("s", EVENT)
                await asyncio.create_task(client.append("s", EVENT))

        await asyncio.gather(*(work(f"order-{n}") for n in range(5)))
        await client.append("s", EVENT)
    assert sorted(log.events[:-1]) == sorted([(f"order-{n}", "router", None) for n in range(5)] * 2)
    assert log.events[-1] == (None, None, None)


def test_threads_may_share_a_run(client: Client, log: Log) -> None:
    router = client.run(agent="router")
    both = threading.Barrier(2)

    def work(workflow: str) -> None:
        with client.run(workflow), router:
            both.wait(PATIENCE)
            client.append("s", EVENT)
            both.wait(PATIENCE)
        client.append("s", EVENT)

    threads = [threading.Thread(target=work, args=[f"order-{n}"]) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(log.events[:2]) == [("order-0", "router", None), ("order-1", "router", None)]
    assert log.events[2:] == [(None, None, None)] * 2


def test_a_run_may_be_entered_again_inside_of_itself(client: Client, log: Log) -> None:
    router = client.run(agent="router")
    with router:
        with client.run(agent="packer"), router:
            client.append("s", EVENT)
        client.append("s", EVENT)
    client.append("s", EVENT)
    assert [agent for _, agent, _ in log.events] == ["router", "router", None]


def test_a_run_of_a_generator_ends_when_it_ends(client: Client, log: Log) -> None:
    def work() -> Generator[None]:
        with client.run(agent="generator"):
            yield

    early, late = work(), work()
    next(early)
    with client.run("order-1"):
        next(late)
        early.close()
    late.close()
    client.append("s", EVENT)
    assert log.events == [(None, None, None)]


def test_a_generator_may_be_a_block(client: Client, log: Log) -> None:
    @client.run(agent="router")
    def work() -> Generator[str, str, str]:
        with client.run("order-1"):
            try:
                client.append("s", NewEvent("A", causation_id=(yield "one")))
            except ZeroDivisionError:
                client.append("s", NewEvent("A", causation_id="thrown"))
            finally:
                yield "two"
        client.append("s", EVENT)
        return "end"

    def all_of_it() -> Generator[str, str, None]:
        ends.append((yield from work()))

    ends: list[str] = []
    steps = all_of_it()
    assert next(steps) == "one"
    client.append("s", EVENT)
    assert steps.send("sent") == "two"
    client.append("s", EVENT)
    assert list(steps) == []
    assert (ends, inspect.isgeneratorfunction(work)) == (["end"], True)
    thrown = work()
    next(thrown)
    thrown.throw(ZeroDivisionError())
    thrown.close()
    nothing = (None, None, None)
    inside = [("order-1", "router", "sent"), nothing, (None, "router", None), ("order-1", "router", "thrown")]
    assert log.events == [nothing, *inside]
    assert trace_headers() == {}


async def test_an_async_generator_may_be_a_block(log: Log) -> None:
    async with AsyncClient("http://testserver", "evt_x", transport=lambda: log) as client:

        @client.run(agent="router")
        async def work() -> AsyncGenerator[str, str]:
            with client.run("order-1"):
                try:
                    await client.append("s", NewEvent("A", causation_id=(yield "one")))
                except ZeroDivisionError:
                    await client.append("s", NewEvent("A", causation_id="thrown"))
                yield "two"
                try:
                    yield "three"
                finally:
                    await client.append("s", EVENT)

        steps = work()
        assert await anext(steps) == "one"
        await client.append("s", EVENT)
        assert await steps.asend("sent") == "two"
        assert await anext(steps) == "three"
        await steps.aclose()
        thrown = work()
        await anext(thrown)
        await thrown.athrow(ZeroDivisionError())
        await thrown.aclose()
        assert [each async for each in counted(client.run(agent="router"))] == [0, 1, 2]
    inside = [("order-1", "router", "sent"), ("order-1", "router", None), ("order-1", "router", "thrown")]
    assert log.events == [(None, None, None), *inside]
    assert trace_headers() == {}


def counted(run: Run) -> AsyncIterator[int]:
    @run
    async def count() -> AsyncIterator[int]:
        for n in range(3):
            yield n

    return count()


async def work_later() -> None: ...


def work_in_steps() -> Iterator[None]:
    yield


async def work_later_in_steps() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("function", [work_later, work_in_steps, work_later_in_steps])
def test_nothing_is_carried_that_a_call_does_not_run(function: Any) -> None:
    with pytest.raises(TypeError, match="does not run when it is called"):
        carry(function)


def test_threads_take_it_along_if_they_carry_it(client: Client, log: Log) -> None:
    with client.run("order-1"), ThreadPoolExecutor(2) as pool:
        append = carry(client.append)
        list(pool.map(append, ["s"] * 4, [EVENT] * 4))
        thread = threading.Thread(target=append, args=("s", EVENT))
    thread.start()
    thread.join()
    assert log.events == [("order-1", None, None)] * 5


def test_another_process_takes_it_up_from_headers(client: Client, log: Log) -> None:
    assert trace_headers() == {}
    with client.run('order "1", ü', agent="router", cause="a,b;c=d"):
        sent = trace_headers()
        again = trace_headers()
    assert sent["traceparent"][:36] == again["traceparent"][:36]
    assert sent["traceparent"] != again["traceparent"]
    assert all(value.isascii() for value in sent.values())
    with client.run(headers={name.upper(): value for name, value in sent.items()}, agent="packer"):
        client.append("s", EVENT)
        assert trace_headers()["traceparent"][:36] == sent["traceparent"][:36]
    assert log.events == [('order "1", ü', "packer", "a,b;c=d")]


def test_a_trace_of_others_is_a_workflow(client: Client, log: Log) -> None:
    with client.run(headers={"traceparent": PARENT, "baggage": "userId=alice,eventsite.other=1"}):
        client.append("s", EVENT)
        assert trace_headers()["traceparent"].startswith(f"00-{TRACE}-")
    with client.run("order-1", headers={"traceparent": PARENT}):
        client.append("s", EVENT)
    assert log.events == [(TRACE, None, None), ("order-1", None, None)]


@pytest.mark.parametrize("text", ["%00", "a%0Ab", "a" * 201, "%FF", ""])
def test_names_that_no_event_could_have_are_not_taken_from_strangers(client: Client, log: Log, text: str) -> None:
    with client.run(headers={"baggage": f"eventsite.workflow={text},eventsite.cause={text}"}):
        client.append("s", EVENT)
    with client.run(headers={"traceparent": PARENT, "baggage": f"eventsite.workflow={text},eventsite.cause=placed"}):
        client.append("s", EVENT)
    assert log.events == [(None, None, None), (TRACE, None, "placed")]


def test_a_span_of_opentelemetry_is_the_parent(client: Client) -> None:
    trace = pytest.importorskip("opentelemetry.trace", reason="needs opentelemetry-api")
    span = trace.NonRecordingSpan(trace.SpanContext(int(TRACE, 16), 0xB7AD6B7169203331, False, trace.TraceFlags(1)))
    with client.run("order-1"):
        ours = trace_headers()["traceparent"]
        with trace.use_span(span):
            sent = trace_headers()
        assert trace_headers()["traceparent"][:36] == ours[:36]
    assert sent == {"traceparent": PARENT, "baggage": "eventsite.workflow=order-1"}


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        PARENT.replace("00-", "ff-", 1),
        PARENT.replace(TRACE, "0" * 32),
        PARENT.upper(),
        f"{PARENT}x",
        "é" * 55,
    ],
)
def test_headers_that_cant_be_read_say_nothing(client: Client, log: Log, traceparent: str) -> None:
    with client.run(headers={"traceparent": traceparent, "baggage": ",=;%zz,eventsite.workflow"}):
        client.append("s", EVENT)
    assert log.events == [(None, None, None)]
