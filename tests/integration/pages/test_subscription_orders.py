"""Operators pause, resume and release on pages, admins rewind; viewers see the state and no form."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from events.engine import Engine
from events.models import Delivery, DeliveryState, Log, Role, Subscription
from events.reading import store
from events.subscriptions.types import Settlement, Take
from events.views.subscriptions.rewind import FRESH_SECONDS
from tests.support.factories import make_append, make_member
from tests.support.fixture_types import SignIn
from tests.support.subscriptions import make_delivery, make_subscription, read_to

WHY = {"reason": "mends the gateway"}


@pytest.fixture
async def work(engine: Engine, log: Log) -> Subscription:
    """A subscription to six events of six keys."""
    await engine.writer.append(log.pk, [make_append(f"order-{n}") for n in range(6)])
    return await sync_to_async(make_subscription)(log)


async def take(engine: Engine, log: Log, consumer: str, limit: int) -> list[Settlement]:
    """Take deliveries; return the acknowledgements of them."""
    server = await engine.subscriptions.of(log.pk, "work")
    answer = await server.take(Take(consumer, None, limit, uuid4().hex), wait=0.2)
    return [Settlement(each.id, "ack", consumer) for each in answer.deliveries]


async def text_of(client: AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


async def recorded(engine: Engine, log: Log, type: str) -> list[tuple[str | None, str]]:
    """The server events of a type: by whom, and what."""
    events = await store.events(log.pk, limit=100).afetch(engine.pool)
    return [(event.agent, event.data) for event in events if event.type == type]


async def test_an_operator_pauses_and_resumes(engine: Engine, log: Log, work: Subscription, signed_in: SignIn) -> None:
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    page = f"/logs/{log.name}/subscriptions/work"
    await take(engine, log, "one", 2)
    assert "2 deliveries in flight, which may still be settled" in await text_of(operator, f"{page}/pause")
    answer = await operator.post(f"{page}/pause", WHY)
    assert (answer.status_code, answer["Location"]) == (302, page)
    text = await text_of(operator, page)
    assert "The subscription work is paused." in text
    assert "Paused: nothing is delivered until it is resumed." in text
    assert "“mends the gateway”" in text
    assert await take(engine, log, "one", 2) == []

    await operator.post(f"{page}/pause", WHY)
    assert "was already paused" in await text_of(operator, page)
    await operator.post(f"{page}/resume", WHY)
    assert "The subscription work is resumed." in await text_of(operator, page)
    assert len(await take(engine, log, "one", 2)) == 2
    [(by, _)] = await recorded(engine, log, "subscription.paused")
    assert by == f"operator-of-{log.name}"


async def test_an_operator_releases_what_a_consumer_holds(
    engine: Engine, log: Log, work: Subscription, signed_in: SignIn
) -> None:
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    page = f"/logs/{log.name}/subscriptions/work"
    stuck = await take(engine, log, "stuck & co", 3)
    [kept] = await take(engine, log, "other", 1)
    address = f"{page}/release?consumer=stuck+%26+co"
    assert "3 deliveries may be taken again at once" in await text_of(operator, address)
    assert (await operator.post(address, {"reason": ""})).status_code == 400
    assert (await operator.post(address, WHY))["Location"] == page
    assert "3 deliveries are released" in await text_of(operator, page)
    rows = Delivery.objects.filter(subscription_id=work.id, state=DeliveryState.IN_FLIGHT)
    assert [row.position async for row in rows] == [kept.delivery.position]

    server = await engine.subscriptions.of(log.pk, "work")
    assert [each.result for each in await server.settle(stuck)] == ["expired"] * 3
    [(by, data)] = await recorded(engine, log, "subscription.deliveries-released")
    assert by == f"operator-of-{log.name}"
    assert '"deliveries": 3' in data or '"deliveries":3' in data
    assert len(await take(engine, log, "other", 5)) == 5


async def test_one_delivery_is_released(engine: Engine, log: Log, work: Subscription, signed_in: SignIn) -> None:
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    page = f"/logs/{log.name}/subscriptions/work"
    [first, second] = await take(engine, log, "one", 2)
    await operator.post(f"{page}/release?position={first.delivery.position}", WHY)
    assert "1 delivery is released" in await text_of(operator, page)
    await operator.post(f"{page}/release?position={first.delivery.position}", WHY)
    assert "Nothing was released" in await text_of(operator, page)
    await operator.post(f"{page}/release?position={second.delivery.position}", WHY)
    assert len(await recorded(engine, log, "subscription.deliveries-released")) == 2
    for query in ("", "position=x", "consumer="):
        assert (await operator.get(f"{page}/release?{query}")).status_code == 404


async def test_an_admin_rewinds_after_a_dry_run(
    engine: Engine, log: Log, work: Subscription, signed_in: SignIn
) -> None:
    admin = await sync_to_async(signed_in)(Role.ADMIN)
    page = f"/logs/{log.name}/subscriptions/work"
    server = await engine.subscriptions.of(log.pk, "work")
    await server.settle((await take(engine, log, "one", 6))[:4])
    text = await text_of(admin, f"{page}/rewind?position=2")
    assert "Dry run: back 4 positions, to #2" in text
    assert "4events will be delivered again2of them were settled before" in text
    assert "2open deliveries become void: their settlements are told expired – one holds 2" in text
    assert "Rewind 4 events" in text
    await Delivery.objects.filter(subscription_id=work.id, position=6).aupdate(due=timezone.now())
    assert "1open delivery becomes void: their settlements are told expired – one holds 1" in await text_of(
        admin, f"{page}/rewind?position=2"
    )
    await work.arefresh_from_db()
    assert (work.generation, await sync_to_async(read_to)(work)) == (1, 6), "a dry run changes nothing"

    late = {"position": 2, "counted_at": time.time() - FRESH_SECONDS - 1}
    answer = await admin.post(f"{page}/rewind", late)
    assert "The dry run was older than a minute" in answer.content.decode()
    assert (await admin.post(f"{page}/rewind", {"position": 2})).status_code == 200, "without a dry run"
    await work.arefresh_from_db()
    assert work.generation == 1

    answer = await admin.post(f"{page}/rewind", {"position": 2, "counted_at": time.time()})
    assert answer["Location"] == page
    assert "goes on after #2, in generation 2: 4 events are delivered again" in await text_of(admin, page)
    assert [each.delivery.position for each in await take(engine, log, "one", 6)] == [3, 4, 5, 6]


async def test_a_rewind_leads_to_a_time(engine: Engine, log: Log, work: Subscription, signed_in: SignIn) -> None:
    admin = await sync_to_async(signed_in)(Role.ADMIN)
    page = f"/logs/{log.name}/subscriptions/work/rewind"
    await take(engine, log, "one", 6)
    assert "To a time" in await text_of(admin, page)
    assert 'name="time"' in (await admin.get(f"{page}?by=time")).content.decode()
    await engine.writer.append(log.pk, [make_append("order-1")])
    [*_, seventh] = await store.events(log.pk, limit=10).afetch(engine.pool)
    answer = await admin.get(page, {"time": seventh.recorded_at.isoformat()})
    assert 'name="position" value="6"' in answer.content.decode(), "what was counted is what is done"
    assert "Dry run: back 6 positions, to #0" in await text_of(admin, f"{page}?time=2h")
    for query in ("time=soon", "time=", "time=2h&position=1"):
        assert (await admin.get(f"{page}?{query}")).status_code == 400


async def test_a_rewind_forward_says_what_it_skips(
    engine: Engine, log: Log, work: Subscription, signed_in: SignIn
) -> None:
    admin = await sync_to_async(signed_in)(Role.ADMIN)
    page = f"/logs/{log.name}/subscriptions/work"
    text = await text_of(admin, f"{page}/rewind?position=5")
    assert "Dry run: forward 5 positions, to #5" in text
    assert "Skip 5 events" in text
    assert "holds" not in text, "nothing is in flight"
    await admin.post(f"{page}/rewind", {"position": 5, "counted_at": time.time()})
    assert "5 events are skipped" in await text_of(admin, page)
    for position in ("x", "-1", "", str(2**63)):
        assert (await admin.get(f"{page}/rewind?position={position}")).status_code == 400
    assert (await admin.get(f"{page}/rewind?position=999")).status_code == 422


@pytest.mark.parametrize(
    ("role", "pauses", "rewinds"), [(Role.VIEWER, False, False), (Role.OPERATOR, True, False), (Role.ADMIN, True, True)]
)
def test_a_page_offers_what_the_role_may_do(
    client: Client, user: User, log: Log, at: str, role: Role, pauses: bool, rewinds: bool
) -> None:
    make_delivery(make_subscription(log, read_to=1, max_in_flight=1), 1)
    make_member(log, user=user, role=role)
    client.force_login(user)
    page = client.get(f"{at}subscriptions/work").content.decode()
    assert ("/work/pause" in page) is pauses
    assert ("/work/release" in page) is pauses
    assert ("/work/rewind" in page) is rewinds
    for act in ("pause", "resume", "release?consumer=one"):
        for answer in (client.get(f"{at}subscriptions/work/{act}"), client.get(f"{at}subscriptions/none/{act}")):
            assert (answer.status_code == 404) or pauses
        assert (client.get(f"{at}subscriptions/work/{act}").status_code == 200) is pauses
    assert (client.get(f"{at}subscriptions/work/rewind").status_code == 200) is rewinds
    if not pauses:
        assert client.post(f"{at}subscriptions/work/pause", WHY).status_code == 404
        assert client.post(f"{at}subscriptions/work/release?consumer=one", WHY).status_code == 404
    if not rewinds:
        answer = client.post(f"{at}subscriptions/work/rewind", {"position": 0, "counted_at": time.time()})
        assert answer.status_code == 404
