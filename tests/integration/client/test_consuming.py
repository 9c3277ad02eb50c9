"""Each event is done once, however its consumer ends. `test_consuming_everywhere.py` has what the fake does, too."""

from __future__ import annotations

import threading
import time

import httpx2
import pytest

from events.access.tokens import create_token
from events.models import DeadLetter, Delivery, DeliveryState, Event, FailedAttempt, Log, Scope
from events.redaction import redact
from eventsite_client import Client, DeliveryLost, NewEvent, NoAnswer, Subscription, Work
from tests.support.patience import PATIENCE
from tests.support.relay import Relay
from tests.support.running import append
from tests.support.server import Server, free_port
from tests.support.subscriptions import expire
from tests.support.transports import Behind
from tests.support.twins import MakeClient
from tests.support.working import work_on

PLACED = ("order-1", {"type": "OrderPlaced", "data": b'{"sku": "A-7"}', "correlation_id": "run-7"})


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="consumer", scopes=[Scope.ADMIN])


@pytest.fixture
def packing(client: Client) -> Subscription:
    subscription = client.subscription("packing")
    subscription.make("type:OrderPlaced", max_attempts=2, backoff={"first": 0})
    return subscription


def unsettled(log: Log) -> int:
    return Delivery.objects.filter(log=log).count()


def test_what_a_block_appends_is_written_with_the_acknowledgement(packing: Subscription, log: Log) -> None:
    append(log, [PLACED, ("order-2", PLACED[1])])

    def pack(work: Work) -> None:
        work.append(NewEvent("OrderPacked", work.event.data), NewEvent("Told"))

    assert work_on(packing, pack, agent="packer") == 2
    rows = Event.objects.filter(log=log, type="OrderPacked").order_by("position")
    placed = Event.objects.filter(log=log, type="OrderPlaced").order_by("position")
    assert [(row.stream, row.agent, row.correlation_id, row.causation_id) for row in rows] == [
        (row.stream, "packer", "run-7", row.id) for row in placed
    ]
    assert all((row.read_position or 0) >= 2 for row in rows)
    assert unsettled(log) == 0
    assert work_on(packing, pack) == 0


def test_a_block_knows_when_the_data_of_its_event_was_redacted(packing: Subscription, log: Log) -> None:
    append(log, [PLACED, PLACED])
    redact(log.pk, Event.objects.get(log=log, version=1, stream="order-1").position, reason="a card", by="ada")
    seen: list[tuple[object, bool]] = []

    def pack(work: Work) -> None:
        seen.append((work.event.data, work.redacted))
        work.append(NewEvent("OrderPacked"))
        works.append(work)

    works: list[Work] = []
    work_on(packing, pack)
    assert seen == [(None, True), ({"sku": "A-7"}, False)]
    assert [[each.events[0].version for each in work.appended] for work in works] == [[3], [4]]


def test_an_error_is_reported_logged_and_tried_again(
    packing: Subscription, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    append(log, [PLACED])
    attempts = []

    def fail(work: Work) -> None:
        attempts.append(work.attempt)
        work.append(NewEvent("OrderPacked"))
        raise KeyError("no \x00 box \ud800")

    assert work_on(packing, fail) == 2
    assert attempts == [1, 2]
    letter = DeadLetter.objects.get(log=log)
    assert (letter.error_type, letter.attempts) == ("KeyError", 2)
    failed = FailedAttempt.objects.filter(log=log).first()
    assert failed is not None
    assert "in fail" in (failed.traceback or "")
    assert "failed at attempt 1" in caplog.text
    assert not Event.objects.filter(log=log, type="OrderPacked").exists()


def test_a_paused_agent_has_not_failed(packing: Subscription, server: Server, token: str, log: Log) -> None:
    append(log, [PLACED])
    attempts = []

    def decide(what: str) -> None:
        with Client(server.url, token) as supervisor:
            supervisor.request("POST", f"/agents/packer/{what}", {"reason": "the press is dirty"}, gives=dict)

    def pack(work: Work) -> None:
        attempts.append(work.attempt)
        work.append(NewEvent("OrderPacked"))
        if len(attempts) == 1:
            decide("pause")
            threading.Timer(0.5, decide, ["resume"]).start()

    assert work_on(packing, pack, agent="packer", stop_when_idle=4) == 2
    assert attempts == [1, 1]
    assert not FailedAttempt.objects.filter(log=log).exists()
    assert Event.objects.filter(log=log, type="OrderPacked").count() == 1


@pytest.mark.parametrize("fails", [False, True])
def test_work_that_was_lost_raises_and_writes_nothing(packing: Subscription, log: Log, fails: bool) -> None:
    append(log, [PLACED])

    def lose(work: Work) -> None:
        expire(log)
        work_on_other = Delivery.objects.get(log=log)
        assert work_on_other.state == DeliveryState.IN_FLIGHT
        deadline = time.monotonic() + PATIENCE
        while Delivery.objects.filter(log=log, state=DeliveryState.IN_FLIGHT).exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        work.append(NewEvent("OrderPacked"))
        if fails:
            raise KeyError("box")

    with pytest.raises(DeliveryLost) as lost:
        work_on(packing, lose)
    assert isinstance(lost.value.__cause__, KeyError) == fails
    assert not Event.objects.filter(log=log, type="OrderPacked").exists()


@pytest.mark.parametrize("appends", [True, False])
def test_the_deadline_of_long_work_is_extended(client: Client, log: Log, appends: bool) -> None:
    slow = client.subscription("slow")
    slow.make("type:OrderPlaced", ack_deadline=1)
    append(log, [PLACED])

    def take_long(work: Work) -> None:
        time.sleep(2.5)
        assert not work.is_lost
        if appends:
            work.append(NewEvent("OrderPacked"))

    assert work_on(slow, take_long) == 1
    assert unsettled(log) == 0


@pytest.mark.parametrize("ack_deadline", [1, 30])
def test_work_that_hangs_is_lost_after_the_longest_time(client: Client, log: Log, ack_deadline: float) -> None:
    slow = client.subscription("slow")
    slow.make("type:OrderPlaced", ack_deadline=ack_deadline)
    append(log, [PLACED])

    def hang(work: Work) -> None:
        work.append(NewEvent("OrderPacked"))
        time.sleep(4)

    with pytest.raises(DeliveryLost):
        work_on(slow, hang, most_seconds=1.5)
    assert not Event.objects.filter(log=log, type="OrderPacked").exists()


def test_an_answer_that_is_lost_costs_no_attempt_and_writes_nothing_twice(
    make_client: MakeClient, server: Server, token: str, log: Log, packing: Subscription
) -> None:
    append(log, [(f"order-{n}", PLACED[1]) for n in range(10)])
    attempts = []

    def pack(work: Work) -> None:
        attempts.append(work.attempt)
        relay.cut()  # the next request opens a connection
        relay.lost_answers = 1
        work.append(NewEvent("OrderPacked"))

    with Relay(server.url) as relay:
        relayed = make_client(relay.url, token).subscription("packing")
        assert work_on(relayed, pack) == 10
    assert attempts == [1] * 10
    assert Event.objects.filter(log=log, type="OrderPacked").count() == 10


def test_an_answer_that_is_lost_for_good_makes_no_failure_of_what_was_settled(
    make_client: MakeClient,
    server: Server,
    token: str,
    log: Log,
    packing: Subscription,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The append settles the event, but no answer of an append comes before the timeout."""

    def lose(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if request.url.path.endswith("/events"):
            raise httpx2.ReadError("lost")
        return answer

    append(log, [PLACED])
    client = make_client(server.url, token, timeout=1, transport=lambda: Behind(lose))
    assert work_on(client.subscription("packing"), lambda work: work.append(NewEvent("OrderPacked"))) == 1
    assert Event.objects.filter(log=log, type="OrderPacked").count() == 1
    assert not FailedAttempt.objects.filter(log=log).exists()
    assert unsettled(log) == 0
    assert "failed at attempt" not in caplog.text


def test_a_consumer_that_stops_when_idle_ends_while_the_server_is_away(make_client: MakeClient, token: str) -> None:
    client = make_client(f"http://127.0.0.1:{free_port()}", token, timeout=0.2)
    packing = client.subscription("packing").take(agent="packer", stop_when_idle=0.3)
    packing._ack_seconds = 30.0  # as if it had begun while the server was there
    with pytest.raises(NoAnswer):
        next(packing)
