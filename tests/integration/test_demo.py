"""The demo: the contents of its story, which is the same every time, and the ways to start it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from psycopg import AsyncConnection
from pytest_django.plugin import DjangoDbBlocker

from events.client import ClientError, Transport
from events.engine import Engine
from events.models import DeadLetter, Delivery, Event, Lease, Log, Pause, Subscription, Token, WaitingEvent
from events.sessions import Address, direct
from eventsite.demo import live, seeding
from eventsite.demo.live import AlreadyRunning, run_live, start_live, stop
from eventsite.demo.seeding import play_finished
from eventsite.demo.transports import in_process
from tests.support.factories import make_append, make_log, make_name
from tests.support.patience import PATIENCE
from tests.support.server import Server, free_port

NOTIFIER = "subscription-notifier"
AGENTS = {"router", "optimizer", "notifier", "pricing"}


@dataclass(frozen=True)
class Told:
    """An event as the database has it. Its position, and the one that its writer had read to, count the story alone."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    data: dict[str, Any]
    metadata: dict[str, Any]
    agent: str
    correlation_id: str
    causation_id: str | None
    since: timedelta | None
    """The time from the first event to this one."""
    expected_version: int | None
    read_position: int | None
    tags: list[str]


def read_story(log: Log) -> list[Told]:
    """The events of the demo's actors. Those of the server stand between them, now here and now there."""
    rows = list(Event.objects.filter(log=log).exclude(stream__startswith="eventsite-").order_by("position"))
    places = [row.position for row in rows]
    first_time = rows[0].occurred_at if rows else None
    return [
        Told(
            position=number,
            stream=row.stream,
            version=row.version,
            id=row.id,
            type=row.type,
            data=json.loads(row.data),
            metadata=json.loads(row.metadata),
            agent=row.agent or "",
            correlation_id=row.correlation_id or "",
            causation_id=row.causation_id,
            since=row.occurred_at - first_time if row.occurred_at and first_time else None,
            expected_version=row.expected_version,
            read_position=None if row.read_position is None else bisect_right(places, row.read_position),
            tags=row.tags or [],
        )
        for number, row in enumerate(rows, 1)
    ]


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Told]]:
    """The finished run in a log of its own, to be read only."""
    with django_db_blocker.unblock():
        log = make_log()
        play_finished(log)
        yield read_story(log)


def only(story: list[Told], type: str, stream: str | None = None) -> Told:
    [event] = [event for event in story if event.type == type and stream in (None, event.stream)]
    return event


def in_stream(story: list[Told], stream: str) -> list[str]:
    return [event.type for event in story if event.stream == stream]


def lost_updates(story: list[Told]) -> list[tuple[Told, Told, str]]:
    """Two agents write one key of one stream; the second had not read the first's write, and checked nothing."""
    pairs = []
    writers: dict[tuple[str, str], Told] = {}
    for event in story:
        for key in event.data:
            first = writers.get((event.stream, key))
            unseen = first and event.expected_version is None and (event.read_position or 0) < first.position
            if first and unseen and first.agent != event.agent:
                pairs.append((first, event, key))
            writers[event.stream, key] = event
    return pairs


def test_a_finished_run_is_the_same_in_every_log(story: list[Told], log: Log) -> None:
    play_finished(log)
    assert read_story(log) == story


def test_a_finished_run_played_again_adds_nothing(story: list[Told], log: Log) -> None:
    play_finished(log)
    play_finished(log)
    assert read_story(log) == story


@pytest.mark.parametrize("appends", [1, 21, 60])
def test_a_run_that_was_cut_off_goes_on_where_it_was(
    story: list[Told], log: Log, appends: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(live, "in_process", lambda: cut_off(in_process(), after=appends))
        with pytest.raises(ClientError, match="cut off"):
            play_finished(log)
    assert 0 < len(read_story(log)) <= appends
    play_finished(log)
    assert read_story(log) == story


def cut_off(transport: Transport, *, after: int) -> Transport:
    appends_left = after

    async def send(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal appends_left
        if method == "POST" and not appends_left:
            raise ClientError("cut off")
        appends_left -= method == "POST"
        return await transport(method, path, body, token)

    return send


def test_each_order_is_a_workflow_and_everything_in_it_has_a_cause(story: list[Told]) -> None:
    positions = {event.id: event.position for event in story}
    roots = [event for event in story if event.causation_id is None]
    assert [event.type for event in roots] == ["shift.opened"] + ["order.placed"] * 7
    assert len({event.correlation_id for event in roots}) == len(roots)
    for event in story:
        assert event.correlation_id in {root.correlation_id for root in roots}
        if event.causation_id is not None:
            assert positions[event.causation_id] < event.position
    assert 80 <= len(story) <= 150


def test_every_event_is_its_agents_own_and_read_before_it_is_written(story: list[Told]) -> None:
    assert {event.agent for event in story} == AGENTS | {"storefront", "supervisor"}
    for event in story[1:]:
        assert event.read_position is not None
        assert event.read_position < event.position


def test_one_update_is_lost_and_the_log_can_prove_it(story: list[Told]) -> None:
    [(first, second, key)] = lost_updates(story)
    assert (first.stream, key) == ("assignment-depot-2", "stops")
    assert (first.agent, second.agent) == ("router", "optimizer")
    assert (first.type, second.type) == ("assignment.extended", "assignment.reordered")
    lost = first.data["added"]
    assert lost in first.data["stops"]
    assert lost not in second.data["stops"]
    assert second.version == first.version + 1


def test_the_lost_order_misses_its_van(story: list[Told]) -> None:
    [(first, _, _)] = lost_updates(story)
    order = first.data["added"]
    assert "route.timed" not in in_stream(story, order.replace("order", "route"))
    assert order not in only(story, "van.departed", "assignment-depot-2").data["stops"]
    assert in_stream(story, order)[-5:].count("order.delayed") == 1
    assert only(story, "order.delayed").stream == order


def test_with_an_expected_version_the_same_race_is_noticed_and_nothing_is_lost(story: list[Told]) -> None:
    noticed = only(story, "conflict.noticed")
    again = next(event for event in story if event.causation_id == noticed.id)
    assert (noticed.agent, again.type, again.stream) == ("optimizer", "assignment.reordered", "assignment-depot-1")
    assert again.expected_version == again.version - 1 == noticed.data["found_version"]
    stops: set[Any] = set()
    for event in story:
        if event.stream == "assignment-depot-1" and "stops" in event.data:
            stops = (stops | {event.data.get("added")}) - {event.data.get("removed"), None}
            assert stops <= set(event.data["stops"])


def test_a_failed_payment_is_tried_again_and_given_up_after_the_second_time(story: list[Told]) -> None:
    outcomes = {
        tuple(kind.removeprefix("payment.") for kind in in_stream(story, f"payment-{1001 + place}"))
        for place in range(7)
    }
    assert outcomes == {
        ("initiated", "captured"),
        ("initiated", "failed", "retried", "captured"),
        ("initiated", "failed", "retried", "failed"),
    }
    assert only(story, "order.cancelled").causation_id in {
        event.id for event in story if event.type == "payment.failed"
    }


def test_a_crashed_agent_finds_its_unfinished_payment_and_pays_once(story: list[Told]) -> None:
    crashed, resumed = only(story, "agent.crashed"), only(story, "agent.resumed")
    assert (crashed.agent, resumed.agent) == ("supervisor", "notifier")
    assert crashed.position < resumed.position
    [unfinished] = resumed.data["unfinished"]
    payment = unfinished["stream"]
    assert in_stream(story, payment) == ["payment.initiated", "payment.captured"]
    initiated, captured = (event for event in story if event.stream == payment)
    assert initiated.position < crashed.position < resumed.position < captured.position
    assert captured.data["charged_before"] is True
    assert crashed.causation_id == captured.causation_id == initiated.id
    charges = Counter(event.data["charge"] for event in story if event.type == "payment.captured")
    assert set(charges.values()) == {1}
    assert not [
        event for event in story if event.agent == "notifier" and crashed.position <= event.position < resumed.position
    ]


def server_events(log: Log, stream: str) -> list[tuple[str, str, Any]]:
    """The events of a stream of the server: type, agent and data."""
    rows = Event.objects.filter(log=log, stream=f"eventsite-{stream}").order_by("position")
    return [(row.type, row.agent or "", json.loads(row.data)) for row in rows]


def test_a_runaway_is_paused_and_says_nothing_more(log: Log) -> None:
    play_finished(log)
    story = read_story(log)
    checks = [event for event in story if event.agent == "pricing"]
    assert len(checks) == 8
    assert {(event.type, event.stream, str(event.data)) for event in checks} == {
        ("price.checked", "price-TEA-ASM-250", str(checks[0].data))
    }
    suspended = only(story, "agent.suspended")
    assert suspended.causation_id == checks[-1].id
    reason = "appended the same price.checked 8 times"
    assert server_events(log, "pauses") == [
        ("agent.paused", "supervisor", {"agent": "pricing", "reason": reason}),
        ("agent.resumed", "supervisor", {"agent": "pricing", "reason": "its next version is mended"}),
    ]
    assert not Pause.objects.filter(log=log).exists()


def test_the_agents_are_consumers_and_leave_an_empty_desk(log: Log) -> None:
    play_finished(log)
    assert set(Subscription.objects.filter(log=log).values_list("name", flat=True)) == AGENTS - {"pricing"}
    assert not Delivery.objects.filter(log=log).exists()
    assert not WaitingEvent.objects.filter(log=log).exists()


def test_a_van_is_sent_off_by_the_holder_of_its_depots_lease(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[Any] = []
    straight = in_process()

    async def noted(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        if b"van.departed" in body:
            bodies.append(json.loads(body))
        return await straight(method, path, body, token)

    monkeypatch.setattr(live, "in_process", lambda: noted)
    play_finished(log)
    grants = {f"name:{lease['name']}": lease["token"] for body in bodies for lease in body["leases"]}
    events = Event.objects.filter(log=log, type="lease.acquired")
    assert grants == {json.loads(event.data)["lease"]: event.position for event in events}
    assert len(grants) == 2
    assert not Lease.objects.filter(log=log).exists()


def test_an_agent_settles_a_delivery_by_its_last_event(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[str] = []
    straight = in_process()

    async def noted(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        if b'"settles"' in body:
            settled.append(json.loads(body)["events"][0]["type"])
        return await straight(method, path, body, token)

    monkeypatch.setattr(live, "in_process", lambda: noted)
    play_finished(log)
    assert Counter(settled).keys() == {"order.routed", "notification.sent", "agent.stopped"}
    assert Counter(settled)["order.routed"] == 7


@pytest.mark.parametrize(("decision", "open_letters"), [(1, 2), (2, 1)])
def test_a_run_that_was_cut_off_among_dead_letters_goes_on(
    story: list[Told], log: Log, monkeypatch: pytest.MonkeyPatch, decision: int, open_letters: int
) -> None:
    straight = in_process()
    decisions = 0

    async def cut(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal decisions
        decisions += path.endswith("/decide")
        if decisions == decision:
            raise ClientError("cut off")
        return await straight(method, path, body, token)

    with monkeypatch.context() as patched:
        patched.setattr(live, "in_process", lambda: cut)
        with pytest.raises(ClientError, match="cut off"):
            play_finished(log)
    assert DeadLetter.objects.filter(log=log, state="open").count() == open_letters
    play_finished(log)
    assert read_story(log) == story
    assert not DeadLetter.objects.filter(log=log, state="open").exists()


def of_letters(log: Log) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    """The deaths of a run's events, by key, and the canaries of its supervisor, by order."""
    server = server_events(log, NOTIFIER)
    deaths = [(data["key"], data["death"]) for type, _, data in server if type == "EventFailed"]
    return deaths, [
        (event.type.removeprefix("canary."), event.data["order"])
        for event in read_story(log)
        if event.type.startswith("canary.")
    ]


def test_mail_that_fails_three_times_is_a_dead_letter_and_a_canary_goes_first(log: Log) -> None:
    play_finished(log)
    deaths, canaries = of_letters(log)
    assert deaths == [("order-1002", 1), ("order-1001", 1)]
    assert canaries == [("started", "order-1002"), ("succeeded", "order-1002")]
    assert {letter.frame for letter in DeadLetter.objects.filter(log=log)} == {"eventsite/demo/world.py in send_mail"}
    assert only(read_story(log), "letters.followed").data["orders"] == ["order-1001"]
    assert set(DeadLetter.objects.filter(log=log).values_list("state", flat=True)) == {"done"}


def test_the_canary_is_the_trial_of_the_breaker_that_opened(log: Log) -> None:
    play_finished(log)
    changes = [
        (type, data.get("trial"))
        for type, _, data in server_events(log, NOTIFIER)
        if type.startswith("circuit.") and data["consumer"] is None
    ]
    [canary] = DeadLetter.objects.filter(log=log, key="order-1002")
    assert changes == [("circuit.opened", None), ("circuit.half_opened", None), ("circuit.closed", canary.position)]


def test_a_canary_that_fails_is_followed_by_no_other_letter(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsite.demo.world.OUTAGE", (33.3, 44.0))
    play_finished(log)
    deaths, canaries = of_letters(log)
    assert deaths == [("order-1002", 1), ("order-1001", 1), ("order-1002", 2)]
    assert [outcome for outcome, _ in canaries] == ["started", "failed", "started", "succeeded"]
    succeeded = only(read_story(log), "canary.succeeded").position
    assert only(read_story(log), "letters.followed").position > succeeded
    assert set(DeadLetter.objects.filter(log=log).values_list("state", flat=True)) == {"done"}


def test_every_customer_hears_of_every_step_once(story: list[Told]) -> None:
    messages = Counter((event.stream, event.data["message"]) for event in story if event.type == "notification.sent")
    assert set(messages.values()) == {1}
    assert Counter(message for _, message in messages) == {
        "confirmed": 6,
        "on_its_way": 6,
        "delayed": 1,
        "cancelled": 1,
    }


def test_each_order_has_its_customer_as_a_tag(story: list[Told]) -> None:
    placed = [event for event in story if event.type == "order.placed"]
    assert [event.tags for event in placed] == [[f"customer:{event.data['customer']}"] for event in placed]
    assert all(not event.tags for event in story if event.type != "order.placed")


def test_a_message_that_bounces_goes_out_another_way(story: list[Told]) -> None:
    failed = only(story, "notification.failed")
    message = next(event for event in story if event.causation_id == failed.id)
    assert (message.type, message.data["channel"]) == ("notification.sent", "sms")


@pytest.fixture
def demo_name(database: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a log to seed that no server under test has seeded."""
    name = make_name("demo")
    monkeypatch.setattr(seeding, "LOG", name)
    return name


def test_seeding_makes_the_log_once(story: list[Told], demo_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeding.seed()
    assert read_story(Log.objects.get(name=demo_name)) == story
    monkeypatch.setattr(seeding, "play_finished", pytest.fail)
    seeding.seed()


def test_seeding_finishes_a_run_that_was_cut_off(
    story: list[Told], demo_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(live, "in_process", lambda: cut_off(in_process(), after=30))
        seeding.seed()
    seeding.seed()
    assert read_story(Log.objects.get(name=demo_name)) == story


@pytest.mark.parametrize("events", [0, 1])
def test_seeding_leaves_somebody_elses_log_of_that_name_alone(demo_name: str, events: int) -> None:
    log = make_log(name=demo_name)

    async def append() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, [make_append() for _ in range(events)])

    asyncio.run(append())
    seeding.seed()
    assert Event.objects.filter(log=log).count() == events


@pytest.fixture
def demo(server: Server) -> Any:
    """Run `manage.py demo` against the server under test, quickly; return the output."""

    def run(log: str) -> str:
        out = StringIO()
        call_command("demo", log=log, url=server.url, speed=1000, stdout=out)
        return out.getvalue()

    return run


def test_the_command_plays_a_new_shift_each_time(demo: Any, story: list[Told], demo_name: str) -> None:
    log = make_log(name=demo_name)
    printed = demo(log.name)
    first = read_story(log)
    assert f"/logs/{log.name}/" in printed
    assert f"events 1 to {Event.objects.filter(log=log).latest('position').position}" in printed
    assert [(event.id, event.data) for event in first] == [(event.id, event.data) for event in story]
    demo(log.name)
    second = read_story(log)[len(first) :]
    # Another shift has other distances, so the vans make other tours, and the mails come in another order.
    assert Counter(event.type for event in second) == Counter(event.type for event in first)
    assert not {event.id for event in second} & {event.id for event in first}
    [(lost, _, _)] = lost_updates(second)
    assert lost.data["added"] == "order-1014"


def test_the_command_adds_nothing_to_a_log_that_holds_real_events(demo: Any, log: Log) -> None:
    async def append() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, [make_append()])

    asyncio.run(append())
    with pytest.raises(
        CommandError, match="has events of its own.* for ever.*only for the log `demo`, or for an empty"
    ):
        demo(log.name)
    assert len(read_story(log)) == 1


def test_a_live_run_has_the_servers_times_and_leaves_no_token(demo: Any, log: Log) -> None:
    demo(log.name)
    assert {event.since for event in read_story(log)} == {None}
    assert not Token.objects.filter(log=log).exists()


def test_the_command_says_where_no_server_is(database: None) -> None:
    name = make_name("demo")
    for url in (f"http://127.0.0.1:{free_port()}", "ftp://127.0.0.1", "http://127.0.0.1:port", "nonsense"):
        with pytest.raises(CommandError, match="No Eventsite answers"):
            call_command("demo", log=name, url=url)
    assert not Log.objects.filter(name=name).exists()


async def until_closed(log: Log) -> list[Told]:
    deadline = time.monotonic() + PATIENCE
    while not (story := await sync_to_async(read_story)(log)) or story[-1].type != "shift.closed":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return story


async def test_the_button_starts_a_run_in_the_background_and_only_one(engine: Engine, log: Log) -> None:
    assert await start_live(log, speed=100)
    assert not await start_live(log)
    with pytest.raises(AlreadyRunning):
        await run_live(log)
    assert len(await until_closed(log)) > 80
    deadline = time.monotonic() + PATIENCE
    while not await start_live(log):  # the run releases the log just after its last event
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await stop()


async def test_a_run_in_the_background_stops_with_the_server(engine: Engine, log: Log) -> None:
    assert await start_live(log, speed=1)
    await stop()
    story = await sync_to_async(read_story)(log)
    assert len(story) < 80
    assert not await sync_to_async(Token.objects.filter(log=log).exists)()


async def test_a_run_that_stops_before_its_first_step_closes_its_connection(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = []

    class Recorded(Address):
        async def connect(self, *args: Any, **parameters: Any) -> AsyncConnection[Any]:
            connections.append(await super().connect(*args, **parameters))
            return connections[-1]

    address = direct()
    monkeypatch.setattr(live, "direct", lambda: Recorded(address.conninfo, address.is_pooled))
    assert await start_live(log, speed=1)
    await stop()
    assert [connection.closed for connection in connections] == [True]


async def test_runs_in_several_logs_do_not_wait_for_each_other(engine: Engine, log: Log, story: list[Told]) -> None:
    other = await sync_to_async(make_log)()
    await asyncio.gather(run_live(log, speed=math.inf), run_live(other, speed=math.inf))
    for each in (log, other):
        assert [event.id for event in await sync_to_async(read_story)(each)] == [event.id for event in story]


async def test_other_peoples_events_do_not_disturb_a_run(engine: Engine, log: Log, story: list[Told]) -> None:
    strange = [{"type": kind} for kind in ("order.placed", "order.paid", "assignment.extended", "shift.ended")]
    straight = in_process()
    appends = 0

    async def disturbed(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal appends
        appends += method == "POST"
        if method == "POST" and appends % 20 == 0:
            await engine.writer.append(log.pk, [make_append("stranger-1", *strange)])
        return await straight(method, path, body, token)

    await run_live(log, speed=math.inf, transport=disturbed)
    demo_events = [event for event in await sync_to_async(read_story)(log) if event.stream != "stranger-1"]
    assert [(event.id, event.data) for event in demo_events] == [(event.id, event.data) for event in story]
