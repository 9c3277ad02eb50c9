"""Admins make subscriptions and change their settings on pages, with the checks of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from events.engine import Engine
from events.models import Log, Role
from events.reading import store as log_store
from events.subscriptions import store
from events.subscriptions.settings import Settings
from tests.support.factories import make_append, make_member
from tests.support.fixture_types import SignIn
from tests.support.subscriptions import make_subscription

LIMITS = {
    "ack_deadline": "30",
    "max_attempts": "3",
    "when_exhausted": "hold",
    "backoff_first": "1",
    "backoff_factor": "2",
    "backoff_most": "300",
    "backoff_jitter": "0.2",
    "max_in_flight": "1000",
    "max_in_flight_per_consumer": "100",
    "projection": "latest",
}
"""What the page sends if nobody opens its defaults."""
NEW = {"name": "routing", "q": "type:order.*", "begin": "beginning", "order": "stream", **LIMITS}
BREAKER = {"failures": 6, "of": 10, "minimum": 5, "pause": 1.5}


@pytest.fixture
async def admin(engine: Engine, signed_in: SignIn) -> AsyncClient:
    return await sync_to_async(signed_in)(Role.ADMIN)


async def made(engine: Engine, log: Log) -> list[tuple[str, int, Settings]]:
    """The name, the beginning and the settings of each subscription."""
    return [(each.name, each.start, each.settings) for each in await store.read(engine.pool, log.pk)]


async def errors(client: AsyncClient, path: str, **fields: Any) -> dict[str, str]:
    """The errors that the page shows, by its fields."""
    answer = await client.post(path, fields)
    assert answer.status_code == 400, (fields, answer.content.decode())
    return dict(re.findall(r'id="([\w-]+)-error" role="alert">([^<]+)', answer.content.decode()))


def settings(**changes: Any) -> Settings:
    backoff = {"first": 1, "factor": 2, "most": 300, "jitter": 0.2}
    values: dict[str, Any] = {
        "query": "type:order.*",
        "order_by": "stream",
        "ack_deadline": 30,
        "max_attempts": 3,
        "backoff": backoff,
        "max_in_flight": 1000,
        "max_in_flight_per_consumer": 100,
        "passes_dead_letters": False,
        "projection": "latest",
        "with_system_events": False,
        "breaker": None,
    }
    return Settings(**{**values, **changes})


async def test_the_form_has_the_defaults_of_the_api(engine: Engine, log: Log, admin: AsyncClient) -> None:
    at = f"/logs/{log.name}/make-subscription"
    page = (await admin.get(at)).content.decode()
    sent = dict(re.findall(r'<input name="(\w+)" value="([^"]*)"', page))
    sent |= dict(re.findall(r'<input type="radio" name="(\w+)" value="(\w+)" checked>', page))
    assert "checked> stop deliveries" not in page
    answer = await admin.post(at, {**sent, "name": "routing", "q": "type:order.*"})
    assert answer["Location"] == f"/logs/{log.name}/subscriptions/routing"
    assert await made(engine, log) == [("routing", 0, settings())]


async def test_an_admin_makes_a_subscription(engine: Engine, log: Log, admin: AsyncClient) -> None:
    await engine.writer.append(log.pk, [make_append(f"order-{n}") for n in range(3)])
    at = f"/logs/{log.name}/make-subscription"
    await admin.post(at, {**NEW, "begin": "now", "order": "none"})
    breaker = {"breaker": "on", **{f"breaker_{name}": str(value) for name, value in BREAKER.items()}}
    await admin.post(
        at,
        {**NEW, "name": "all", "q": "", "begin": "after", "after": "1", "order": "value", "pointer": "/order/id"}
        | {"when_exhausted": "pass", "system": "on", **breaker},
    )
    everything = settings(
        query="", order_by="/order/id", passes_dead_letters=True, with_system_events=True, breaker=BREAKER
    )
    assert await made(engine, log) == [("all", 1, everything), ("routing", 3, settings(order_by="none"))]
    events = await log_store.events(log.pk, limit=10).afetch(engine.pool)
    assert {event.agent for event in events if event.type == "subscription.created"} == {f"admin-of-{log.name}"}
    page = (await admin.get(f"/logs/{log.name}/subscriptions/all")).content.decode()
    assert "The subscription all is made: consumers may take from it." in page


async def test_what_can_not_be_is_said_at_its_field(engine: Engine, log: Log, admin: AsyncClient) -> None:
    at = f"/logs/{log.name}/make-subscription"
    breaker = {"breaker": "on", **dict.fromkeys((f"breaker_{name}" for name in BREAKER), "20")}
    await admin.post(at, NEW)
    for wrong, field, words in (
        ({"name": "routing"}, "name", "There is a subscription routing already."),
        ({"name": "Routing"}, "name", "name must have 1 to 63 of a-z"),
        ({"q": "type:("}, "q", "Column 6"),
        ({"q": "since:2h"}, "q", "q counts a time from now"),
        ({"begin": "after"}, "after", "After which position?"),
        ({"begin": "after", "after": "4711"}, "after", "start must be a position of the log"),
        ({"order": "value"}, "pointer", "begins with a slash"),
        ({"order": "value", "pointer": "/a\tb"}, "pointer", "no control characters"),
        ({"max_attempts": "101"}, "max_attempts", "less than or equal to 100"),
        ({"ack_deadline": "nan"}, "ack_deadline", "Enter a number"),
        ({"breaker": "on", "breaker_of": "9"}, "breaker_failures", "A breaker needs this number."),
        ({**breaker, "breaker_of": "10"}, "breaker_failures", "breaker.failures must be from 1 to 10."),
    ):
        found = await errors(admin, at, **{**NEW, "name": "other", **wrong})
        assert words in found.pop(field), wrong
        assert set(found) <= {"breaker_minimum", "breaker_pause"}
    assert [name for name, _, _ in await made(engine, log)] == ["routing"]


async def test_an_admin_changes_the_settings(engine: Engine, log: Log, admin: AsyncClient) -> None:
    await sync_to_async(make_subscription)(log, name="work", query="type:a", order_by="agent", breaker=BREAKER)
    at = f"/logs/{log.name}/subscriptions/work"
    page = (await admin.get(f"{at}/settings")).content.decode()
    assert 'name="breaker_pause" value="1.5"' in page
    assert 'name="breaker" checked' in page
    assert 'name="order"' not in page
    assert "max_attempts" in await errors(admin, f"{at}/settings", **{**LIMITS, "max_attempts": "0"})
    answer = await admin.post(f"{at}/settings", {**LIMITS, "q": "type:b", "max_in_flight": "7"})
    assert answer["Location"] == at
    assert await made(engine, log) == [("work", 0, settings(query="type:b", order_by="agent", max_in_flight=7))]
    assert (await admin.get(f"/logs/{log.name}/subscriptions/none/settings")).status_code == 404


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_only_admins_make_and_change_them(client: Client, user: User, log: Log, at: str, role: Role) -> None:
    make_member(log, user=user, role=role)
    client.force_login(user)
    is_admin = role is Role.ADMIN
    assert ("Make a subscription" in client.get(f"{at}subscriptions/").content.decode()) is is_admin
    make_subscription(log)
    for page, link in (("subscriptions/", "make-subscription"), ("subscriptions/work", "subscriptions/work/settings")):
        assert (f'href="{at}{link}"' in client.get(f"{at}{page}").content.decode()) is is_admin
        assert (client.get(f"{at}{link}").status_code == 200) is is_admin
        assert client.post(f"{at}{link}", {"q": ""}).status_code == (400 if is_admin else 404)
