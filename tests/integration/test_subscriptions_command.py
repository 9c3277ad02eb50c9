"""`manage.py subscriptions` lists the subscriptions of a log, and makes, changes, ends, rewinds and pauses them."""

from __future__ import annotations

import asyncio
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from events.engine import Engine
from events.models import DeliveryState, Event, Log, Subscription
from tests.support.factories import make_append
from tests.support.subscriptions import make_delivery, make_subscription, read_to


def subscriptions(log: str, *arguments: str) -> str:
    out = StringIO()
    call_command("subscriptions", log, *arguments, stdout=out)
    return out.getvalue()


def append(log: Log, count: int) -> None:
    async def write() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, [make_append("order-1") for _ in range(count)])

    asyncio.run(write())


@pytest.fixture
def work(log: Log) -> Subscription:
    """A subscription that has read five of six events: one is with a consumer, and one is ready."""
    append(log, 6)
    work = make_subscription(log, read_to=5, lowest=3)
    make_delivery(work, 4, consumer="packer-1")
    make_delivery(work, 5, state=DeliveryState.READY, attempt=0)
    return work


def test_all_are_listed_and_one_is_shown_with_who_holds_what(log: Log, work: Subscription) -> None:
    line = "work: read to 5 of 6, settled to 3; 1 of 1,000 in flight, 1 to try, 0 waiting, 0 held\n"
    assert subscriptions(log.name) == line
    shown = subscriptions(log.name, "work")
    assert shown.startswith(line)
    assert "packer-1 holds 1, the oldest since" in shown
    assert "max_attempts=3" in shown


def test_one_is_made_changed_and_ended(log: Log) -> None:
    assert "made" in subscriptions(log.name, "packing", "put", '{"q": "type:Placed"}')
    assert "changed" in subscriptions(log.name, "packing", "put", '{"q": "type:Placed", "max_attempts": 5}')
    assert Subscription.objects.get(log=log).max_attempts == 5
    subscriptions(log.name, "packing", "delete")
    assert not Subscription.objects.filter(log=log).exists()
    types = Event.objects.filter(log=log).order_by("position").values_list("type", flat=True)
    assert list(types) == ["subscription.created", "subscription.changed", "subscription.deleted"]


def test_a_rewind_is_counted_before_it_is_done(log: Log, work: Subscription) -> None:
    effect = "from 5 to 2: events delivered again 3, settled before 1, deliveries void 1, dead letters closed 0"
    assert f"would go {effect}" in subscriptions(log.name, "work", "rewind", "2", "--dry-run")
    assert read_to(work) == 5
    assert f"goes {effect}" in subscriptions(log.name, "work", "rewind", "2")
    work.refresh_from_db()
    assert (read_to(work), work.generation) == (2, 2)
    assert "events delivered again 2," in subscriptions(log.name, "work", "rewind", "2h", "--dry-run")
    assert "to 7:" in subscriptions(log.name, "work", "rewind", "9999-12-31", "--dry-run")
    assert "events skipped 4" in subscriptions(log.name, "work", "rewind", "6")


def test_one_is_paused_and_resumed(log: Log, work: Subscription) -> None:
    assert "is paused: deliveries in flight 1, events unsettled 2" in subscriptions(
        log.name, "work", "pause", "--reason", "too fast"
    )
    assert "(it was so before)" in subscriptions(log.name, "work", "pause")
    assert subscriptions(log.name).endswith("; paused: too fast\n")
    assert "would be resumed" in subscriptions(log.name, "work", "resume", "--dry-run")
    assert "is resumed" in subscriptions(log.name, "work", "resume")
    work.refresh_from_db()
    assert not work.is_paused


@pytest.mark.parametrize(
    "arguments",
    [
        *(("work", "rewind"), ("work", "rewind", "soon"), ("work", "rewind", "7"), ("work", "pause", "7")),
        *(("work", "put"), ("work", "put", "{}"), ("Work", "put", '{"q": ""}'), ("work", "delete", "--dry-run")),
        *(("work", "--reason", "r"), ("other",), ("other", "pause"), ("work", "stop")),
    ],
)
def test_what_makes_no_sense_is_refused(log: Log, work: Subscription, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        subscriptions(log.name, *arguments)
    work.refresh_from_db()
    assert (work.version, Subscription.objects.filter(log=log).count()) == (1, 1)
