"""The agents of the demo are consumers: pauses, leases, and dead letters with a canary."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from asgiref.sync import sync_to_async

from events.client import ClientError
from events.models import DeadLetter, Delivery, Event, Lease, Log, Pause, Subscription, WaitingEvent
from eventsite.demo import live
from eventsite.demo.seeding import play_finished
from eventsite.demo.transports import in_process
from tests.support.demo import AGENTS, Played, Told, only, read_story, server_events

NOTIFIER = "subscription-notifier"


def test_a_runaway_is_paused_and_says_nothing_more(played: Played, story: list[Told]) -> None:
    checks = [event for event in story if event.agent == "pricing"]
    assert len(checks) == 8
    assert {(event.type, event.stream, str(event.data)) for event in checks} == {
        ("price.checked", "price-TEA-ASM-250", str(checks[0].data))
    }
    suspended = only(story, "agent.suspended")
    assert suspended.causation_id == checks[-1].id
    reason = "appended the same price.checked 8 times"
    assert server_events(played.log, "pauses") == [
        ("agent.paused", "supervisor", {"agent": "pricing", "reason": reason}),
        ("agent.resumed", "supervisor", {"agent": "pricing", "reason": "its next version is mended"}),
    ]
    assert not Pause.objects.filter(log=played.log).exists()


def test_the_agents_are_consumers_and_leave_an_empty_desk(played: Played) -> None:
    log = played.log
    assert set(Subscription.objects.filter(log=log).values_list("name", flat=True)) == AGENTS - {"pricing"}
    assert not Delivery.objects.filter(log=log).exists()
    assert not WaitingEvent.objects.filter(log=log).exists()


def test_a_van_is_sent_off_by_the_holder_of_its_depots_lease(played: Played) -> None:
    departures = [json.loads(body) for body in played.bodies if b"van.departed" in body]
    grants = {f"name:{lease['name']}": lease["token"] for body in departures for lease in body["leases"]}
    events = Event.objects.filter(log=played.log, type="lease.acquired")
    assert grants == {json.loads(event.data)["lease"]: event.position for event in events}
    assert len(grants) == 2
    assert not Lease.objects.filter(log=played.log).exists()


def test_an_agent_settles_a_delivery_by_its_last_event(played: Played) -> None:
    settled = Counter(json.loads(body)["events"][0]["type"] for body in played.bodies if b'"settles"' in body)
    assert settled.keys() == {"order.routed", "notification.sent", "agent.stopped"}
    assert settled["order.routed"] == 7


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


def test_mail_that_fails_three_times_is_a_dead_letter_and_a_canary_goes_first(
    played: Played, story: list[Told]
) -> None:
    log = played.log
    deaths, canaries = of_letters(log)
    assert deaths == [("order-1002", 1), ("order-1001", 1)]
    assert canaries == [("started", "order-1002"), ("succeeded", "order-1002")]
    assert {letter.frame for letter in DeadLetter.objects.filter(log=log)} == {"eventsite/demo/world.py in send_mail"}
    assert only(story, "letters.followed").data["orders"] == ["order-1001"]
    assert set(DeadLetter.objects.filter(log=log).values_list("state", flat=True)) == {"done"}


def test_the_canary_is_the_trial_of_the_breaker_that_opened(played: Played) -> None:
    changes = [
        (type, data.get("trial"))
        for type, _, data in server_events(played.log, NOTIFIER)
        if type.startswith("circuit.") and data["consumer"] is None
    ]
    [canary] = DeadLetter.objects.filter(log=played.log, key="order-1002")
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


@pytest.mark.parametrize(
    ("look", "patience", "orders"),
    [
        (1, 3.5, ["order-1002"]),
        (2, 3.5, ["order-1001", "order-1002"]),
        (2, 20.0, ["order-1001", "order-1002"]),  # the notifier has done everything else
        (3, 3.5, ["order-1001"]),
    ],
)
@pytest.mark.parametrize("decision", ["skip", "retry", "escalate"])
def test_a_person_may_decide_about_the_letters_at_any_moment(
    log: Log, monkeypatch: pytest.MonkeyPatch, decision: str, look: int, patience: float, orders: list[str]
) -> None:
    """A person decides about all open letters, just before the supervisor's nth look at some."""
    monkeypatch.setattr("eventsite.demo.mending.PATIENCE_SECONDS", patience)
    straight = in_process()
    decided: list[str] = []
    looks = requests = 0

    def open_letters() -> list[DeadLetter]:
        return list(DeadLetter.objects.filter(log=log, state="open"))

    async def disturbed(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal looks, requests
        requests += 1
        assert requests < 10_000, "the demo goes on for ever"
        is_look = path.startswith("/api/dead-letters?") and "skipped" not in path
        if is_look and (letters := await sync_to_async(open_letters)()):
            looks += 1
            if looks == look:
                decided.extend(str(letter.key) for letter in letters)
                ids = [f"notifier:{letter.position}" for letter in letters]
                to = {"to": "ann"} if decision == "escalate" else {}
                order = json.dumps({"ids": ids, "decision": decision, **to}).encode()
                assert (await straight("POST", "/api/dead-letters/decide", order, token))[0] == 200
        return await straight(method, path, body, token)

    monkeypatch.setattr(live, "in_process", lambda: disturbed)
    play_finished(log)
    story = read_story(log)
    assert sorted(decided) == orders
    skipped = set(decided) if decision == "skip" else set()
    assert {event.stream for event in story if event.type == "notification.skipped"} == skipped
    told = [event.stream for event in story if event.data.get("message") == "on_its_way"]
    assert sorted(told) == [f"order-{number}" for number in range(1001, 1008) if number != 1006]
    assert story[-1].type == "shift.closed"
    assert not DeadLetter.objects.filter(log=log, state__in=("open", "escalated", "retrying")).exists()
