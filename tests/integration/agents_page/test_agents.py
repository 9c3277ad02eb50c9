"""The promises of docs/agents.md: its code runs against a live server, and the agent that it builds is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx2
import pytest
from django.db.models import F

from events.access.tokens import create_token
from events.models import Lease, Log, Scope
from projections.jobs import queue
from tests.support.agents_page import Agent, Load, events_of, source
from tests.support.middleman import Middleman, Refusal, When
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.running import append, until
from tests.support.server import Server


def filled(log: Log, stream: str, count: int) -> None:
    append(log, [(stream, {"type": "Noted", "data": b"{}"})] * count)


@pytest.mark.parametrize("stream", ["order-1", "team/a order #1"])
@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 2_500])
def test_a_stream_of_any_length_is_read_to_its_end(load: Load, log: Log, stream: str, count: int) -> None:
    filled(log, stream, count)
    filled(log, "other-1", 3)
    events, version, head = load()["read"](stream)
    assert [event["version"] for event in events] == list(range(1, count + 1))
    assert (version, head) == (count, count + 3)


def test_a_request_is_made_again_when_the_server_says_so(
    load: Load, log: Log, middleman: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    middleman.refusals = [Refusal(503, 7), Refusal(429, 2)]
    assert load()["append"]("order-1", {"type": "Noted", "data": {}}, expected_version=0)
    assert pauses == [7, 2]
    assert len(set(middleman.bodies)) == 1  # the retry has the id of the first request
    [event] = events_of(log, "order-1")
    assert event.version == 1


def test_an_append_whose_answer_is_lost_is_written_once(
    load: Load, log: Log, middleman: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with subprocess.Popen(["sleep", "60"]) as victim:  # the answer that is lost
        try:
            middleman.victim, middleman.kill = victim, (1, "after")
            assert load()["append"]("order-1", {"type": "Noted", "data": {}}, expected_version=0)
        finally:
            victim.kill()
    assert len(middleman.requests) == 2
    assert len(events_of(log, "order-1")) == 1


ROUTERS = 4


def race(load: Load, *, of: Callable[[Agent, int], object]) -> list[object]:
    """The result of some agents that have all read before one of them writes for the first time."""
    barrier = threading.Barrier(ROUTERS)

    def run(number: int) -> object:
        agent = load()
        ask, met = agent["ask"], threading.Event()

        def wait_for_the_others(method: str, path: str, **options: Any) -> Any:
            if method == "POST" and not met.is_set():
                met.set()
                barrier.wait(PATIENCE)
            return ask(method, path, **options)

        agent["ask"] = wait_for_the_others
        return of(agent, number)

    with ThreadPoolExecutor(ROUTERS) as pool:
        return list(pool.map(run, range(ROUTERS)))


def test_a_packer_takes_one_order_of_the_racing_dispatchers(load: Load, log: Log) -> None:
    """Each dispatcher has another order, in another stream: only the condition keeps them apart."""
    filled(log, "other-1", 3)
    outcomes = race(load, of=lambda agent, n: agent["take"](f"order-{n}", "ann"))
    assert sorted(map(bool, outcomes)) == [False] * (ROUTERS - 1) + [True]
    agent = load()
    events, _ = agent["events_of"]("tag:packer-ann")
    [taken] = events
    assert taken["stream"] == f"order-{outcomes.index(True)}"

    assert agent["append"](taken["stream"], {"type": "OrderPacked", "tags": ["packer-ann"], "data": {}})
    assert agent["take"]("order-9", "ann")
    assert not agent["take"]("order-10", "ann")


def test_one_of_the_racing_packers_holds_an_order(load: Load) -> None:
    leases = race(load, of=lambda agent, n: agent["hold"]("order-1", f"packer-{n}"))
    assert [lease for lease in leases if lease] == [{"lease": "workflow:order-1", "token": 1, "expires_at": ANY}]


def test_a_packer_packs_an_order_alone_and_gives_it_back(load: Load, log: Log) -> None:
    assert load()["pack"]("order-1", "ann", ["cup", "plate"])
    assert [event.agent for event in events_of(log, "order-1")] == ["ann", "ann"]
    assert load()["pack"]("order-1", "bob", ["lid"])


def test_a_packer_who_was_stopped_past_the_lease_packs_no_more(load: Load, log: Log) -> None:
    ann, bob = load(), load()
    ask = ann["ask"]

    def stop_after_the_first_item(method: str, path: str, **options: Any) -> Any:
        if path == "/leases/renew":
            Lease.objects.filter(log=log).update(expires_at=F("expires_at") - timedelta(hours=1))
            assert bob["hold"]("order-1", "bob")
        return ask(method, path, **options)

    ann["ask"] = stop_after_the_first_item
    assert not ann["pack"]("order-1", "ann", ["cup", "plate"])
    assert len(events_of(log, "order-1")) == 1


@pytest.mark.parametrize("count", [0, 1_200])
def test_one_of_the_racing_routers_assigns_an_order(load: Load, log: Log, count: int) -> None:
    filled(log, "order-1", count)
    outcomes = race(load, of=lambda agent, n: agent["assign"]("order-1", f"router-{n}", f"packer-{n}"))
    [assigned] = events_of(log, "order-1")[count:]
    assert sorted(map(bool, outcomes)) == [False] * (ROUTERS - 1) + [True]
    assert assigned.agent == f"router-{outcomes.index(True)}"
    assert (assigned.expected_version, assigned.read_position) == (count, count)


def test_by_default_all_of_them_do(load: Load, log: Log) -> None:
    def careless(agent: Agent, n: int) -> object:
        append = agent["append"]
        agent["append"] = lambda stream, event, **demands: append(stream, event)
        return agent["assign"]("order-1", f"router-{n}", f"packer-{n}")

    assert race(load, of=careless) == [True] * ROUTERS
    assert len(events_of(log, "order-1")) == ROUTERS


def test_the_read_position_proves_the_lost_update(load: Load, log: Log) -> None:
    load()["add_stop"]("board-1", "router-0", "depot")
    race(load, of=lambda agent, n: agent["add_stop"]("board-1", f"router-{n}", f"stop-{n}"))
    state = load()["ask"]("GET", "/projections/collisions/state", params={"key": "board-1"}).json()
    assert state["state"]["lost"] == ROUTERS - 1
    assert [event.read_position for event in events_of(log, "board-1")] == [0, 1, 1, 1, 1]


def test_a_state_that_is_still_being_folded_is_waited_for(
    load: Load, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(log, "board-1", 1_200)

    def fold(seconds: float) -> None:
        while job := queue.claim():
            queue.do(job)

    monkeypatch.setattr(time, "sleep", fold)
    load()["add_stop"]("board-1", "router-1", "depot")
    stop = events_of(log, "board-1")[-1]
    assert (stop.version, stop.read_position) == (1_201, 1_200)


def agent_process(folder: Path, token: str, url: str) -> subprocess.Popen[bytes]:
    script = folder / "agent.py"
    script.write_text(source(token, url))
    return subprocess.Popen([sys.executable, script], preexec_fn=die_with_parent(), stderr=subprocess.DEVNULL)


# The agent asks for its position, for orders and for the payment; writes the intent; reads again; charges; writes the
# outcome and its position.
INTENT, CHARGE, OUTCOME, CURSOR = 4, 6, 7, 8

MOMENTS: list[tuple[int, When]] = [
    (INTENT, "before"), (INTENT, "after"), (INTENT + 1, "after"), (CHARGE, "before"), (CHARGE, "after"),
    (OUTCOME, "before"), (OUTCOME, "after"), (CURSOR, "before"), (CURSOR, "after"),
]  # fmt: skip


@pytest.mark.processes
@pytest.mark.parametrize(("request_number", "when"), MOMENTS)
def test_an_agent_that_is_killed_at_any_moment_charges_once(
    middleman: Middleman, log: Log, token: str, tmp_path: Path, request_number: int, when: When
) -> None:
    append(log, [("order-1", {"type": "OrderPlaced", "data": b'{"amount": 12.50}'})])
    with agent_process(tmp_path, token, middleman.url) as first:
        middleman.victim, middleman.kill = first, (request_number, when)
        assert first.wait(PATIENCE) == -signal.SIGKILL
    middleman.victim = None
    is_charged = MOMENTS.index((request_number, when)) >= MOMENTS.index((CHARGE, "after"))
    assert middleman.charged == ["payment-order-1"] * is_charged
    middleman.requests.clear()
    with agent_process(tmp_path, token, middleman.url) as second:
        until(lambda: middleman.polled_after(1))
        assert second.poll() is None
        second.kill()
    assert middleman.charged == ["payment-order-1"]
    initiated, captured = events_of(log, "payment-order-1")
    assert (initiated.type, captured.type) == ("PaymentInitiated", "PaymentCaptured")
    assert captured.causation_id == initiated.id
    [moved] = events_of(log, "cursor-payer")
    assert (moved.type, moved.expected_version) == ("CursorMoved", 0)


@pytest.mark.parametrize("count", [0, 1_500])
def test_payers_that_race_charge_once(load: Load, log: Log, middleman: Middleman, count: int) -> None:
    filled(log, "payment-order-1", count)
    race(load, of=lambda agent, n: agent["pay"]("order-1", 5))
    assert middleman.charged == ["payment-order-1"]
    assert [event.type for event in events_of(log, "payment-order-1")[count:]] == [
        "PaymentInitiated",
        "PaymentCaptured",
    ]


class Enough(Exception):
    pass


def test_a_restarted_agent_finishes_what_it_began_once(load: Load, log: Log, middleman: Middleman) -> None:
    agent = load()
    intent = {"type": "PaymentInitiated", "correlation_id": "order/1", "data": {"amount": 7, "key": "payment-order/1"}}
    assert agent["append"]("payment-order/1", {"id": "payment-order/1:initiated", "agent": "payer", **intent})
    for _ in range(2):
        assert agent["recover"]("order/1", "payer")
    assert middleman.charged == ["payment-order/1"]
    assert [event.type for event in events_of(log, "payment-order/1")] == ["PaymentInitiated", "PaymentCaptured"]


def test_a_restarted_agent_does_nothing_while_it_is_paused(load: Load, log: Log, server: Server) -> None:
    agent = load()
    agent["append"]("payment-1", {"type": "PaymentInitiated", "correlation_id": "1", "data": {"amount": 7, "key": "k"}})
    supervisor = create_token(log, name="supervisor", scopes=[Scope.SUPERVISE])
    headers = {"Authorization": f"Bearer {supervisor}"}
    httpx2.post(f"{server.url}/api/agents/payer/pause", json={"reason": "charges twice"}, headers=headers)
    assert not agent["recover"]("1", "payer")
    assert len(events_of(log, "payment-1")) == 1


def test_one_who_follows_misses_nothing_across_crashes(load: Load, log: Log) -> None:
    append(log, [(f"order-{n}", {"type": "OrderPlaced" if n % 2 else "Noted", "data": b"{}"}) for n in range(1, 700)])
    handled: list[int] = []
    for most in (130, 40, 1_000):
        room = most

        def handle(event: dict[str, Any]) -> None:
            nonlocal room
            handled.append(event["position"])
            room -= 1
            if not room or event["position"] == 699:
                raise Enough

        with pytest.raises(Enough):
            load()["follow"]("reader", "type:OrderPlaced", handle)
    assert sorted(set(handled)) == list(range(1, 700, 2))
    # The events since the end of the last page are handled again.
    assert len(handled) - len(set(handled)) == 30 + 40


def test_a_second_process_of_an_agent_is_found_out(load: Load, log: Log) -> None:
    append(log, [("order-1", {"type": "OrderPlaced", "data": b"{}"})])

    def handle(event: dict[str, Any]) -> None:
        other = load()["append"]
        assert other("cursor-reader", {"type": "CursorMoved", "data": {"position": 1}}, expected_version=0)

    with pytest.raises(SystemExit, match="Another process is reader, too"):
        load()["follow"]("reader", "type:OrderPlaced", handle)
