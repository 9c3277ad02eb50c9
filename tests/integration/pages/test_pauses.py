"""Operators pause and resume on pages; viewers see the state."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from events.engine import Engine
from events.errors import Paused
from events.models import Log, RefusedAppends, Role
from events.pauses import reads
from events.pauses.pausing import pause
from events.pauses.target import Target
from projections.catalog.agents import agents
from tests.support.factories import make_append, make_member, make_user
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle

PRICING = Target("agent", "pricing")
ORDER = Target("workflow", "order-1")
TARGETS = pytest.mark.parametrize("target", [PRICING, ORDER], ids=lambda target: target.kind)
WHY = {"reason": "charges twice"}


@pytest.fixture
def signed_in(log: Log) -> Callable[[Role], AsyncClient]:
    """Make a client of a person with a role in the log. The engine of the test writes for it."""

    def sign_in(role: Role) -> AsyncClient:
        user = make_user(username=f"{role}-of-{log.name}")
        make_member(log, role=role, user=user)
        client = AsyncClient()
        client.force_login(user)
        return client

    return sign_in


def form_of(log: Log, target: Target, act: str = "pause") -> str:
    return f"/logs/{log.name}/{act}?{target.kind}={quote(target.name)}"


@TARGETS
async def test_an_operator_pauses_and_resumes(
    engine: Engine, log: Log, signed_in: Callable[[Role], AsyncClient], target: Target
) -> None:
    one = make_append(None, {"agent": "pricing", "correlation_id": "order-1"})
    await engine.writer.append(log.pk, [one])
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    page = await operator.get(form_of(log, target))
    assert page.status_code == 200
    answer = await operator.post(form_of(log, target), WHY)
    places = {"agent": f"/logs/{log.name}/agents/", "workflow": f"/logs/{log.name}/workflows/order-1/"}
    assert (answer.status_code, answer["Location"]) == (302, places[target.kind])

    [held] = await reads.pauses(log.pk).afetch(engine.pool)
    assert (held.target, held.position, held.by, held.reason) == (target, 2, f"operator-of-{log.name}", "charges twice")
    another = make_append(None, {"agent": "pricing", "correlation_id": "order-1"})
    assert isinstance((await engine.writer.append(log.pk, [another]))[0], Paused)
    page = await operator.get(places[target.kind])
    assert f"The {target.kind} {target.name} is paused since #2." in page.content.decode()

    await operator.post(form_of(log, target, "resume"), {"reason": "mended"})
    assert await reads.pauses(log.pk).afetch(engine.pool) == []
    page = await operator.get(places[target.kind])
    assert f"The {target.kind} {target.name} is resumed since #3." in page.content.decode()


async def test_a_form_says_so_when_somebody_else_was_first(
    engine: Engine, log: Log, signed_in: Callable[[Role], AsyncClient]
) -> None:
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    await pause(engine.writer, log.pk, PRICING, reason="first", by="jon")
    await operator.post(form_of(log, PRICING), WHY)
    assert "was already paused since #1." in (await operator.get(f"/logs/{log.name}/agents/")).content.decode()
    await operator.post(form_of(log, ORDER, "resume"), WHY)
    assert "order-1 is not paused." in (await operator.get(f"/logs/{log.name}/agents/")).content.decode()


async def test_a_form_without_a_reason_changes_nothing(
    engine: Engine, log: Log, signed_in: Callable[[Role], AsyncClient]
) -> None:
    operator = await sync_to_async(signed_in)(Role.OPERATOR)
    for reason in ("", " ", "x" * 201):
        assert (await operator.post(form_of(log, PRICING), {"reason": reason})).status_code == 400
    assert (await operator.post(form_of(log, PRICING), {"reason": "two\nlines"})).status_code == 422
    assert await reads.pauses(log.pk).afetch(engine.pool) == []


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_viewers_see_the_state_and_no_form(
    client: Client, user: User, log: Log, append: AppendEvents, at: str, act: str
) -> None:
    append("order-1", {"agent": "pricing", "correlation_id": "order-1"})
    settle(log, agents)
    pause_both(log)
    make_member(log, user=user)
    client.force_login(user)
    assert client.get(form_of(log, PRICING, act)).status_code == 404
    assert client.post(form_of(log, PRICING, act), WHY).status_code == 404
    for page in ("agents/", "workflows/order-1/"):
        text = client.get(at + page).content.decode()
        assert "charges twice" in text
        assert "since <a" in text
        assert "data-pause" not in text


def test_a_paused_agent_without_a_row_is_named_above_the_list(
    client: Client, user: User, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1", {"agent": "other"})
    pause_both(log)
    make_member(log, user=user, role=Role.OPERATOR)
    client.force_login(user)
    for is_built in (False, True):
        text = client.get(f"{at}agents/").content.decode()
        assert "paused-bar" in text
        assert "/resume?agent=pricing" in text
        assert ("/pause?agent=other" in text) is is_built
        settle(log, agents)
    assert "paused-bar" not in client.get(f"{at}agents/?prefix=o").content.decode()


def test_pages_tell_how_many_appends_a_pause_has_refused(
    client: Client, user: User, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1", {"agent": "pricing", "correlation_id": "order-1"})
    pause_both(log)
    make_member(log, user=user)
    client.force_login(user)

    def words(place: str) -> list[str]:
        text = client.get(f"{at}{place}").content.decode()
        return re.findall(r"·\s*([\w ,]+ refused since then[^<]*?)\s*<", text)

    assert words("agents/") == words("workflows/order-1/") == ["appends are refused since then"]
    for position, appends in ((2, 1), (3, 38)):
        last_at = timezone.now() - timedelta(minutes=12, seconds=5)
        RefusedAppends.objects.create(log=log, position=position, appends=appends, last_at=last_at)
    assert words("agents/") == ["1 append refused since then, the last 12 min ago"]
    settle(log, agents)
    assert words("agents/") == ["1 append refused since then, the last 12 min ago"]
    assert words("workflows/order-1/") == ["38 appends refused since then, the last 12 min ago"]


@pytest.mark.parametrize("query", ["", "agent=", "agent=a%00b", "stream=a"])
def test_an_address_that_names_nothing_is_refused(client: Client, user: User, log: Log, at: str, query: str) -> None:
    make_member(log, user=user, role=Role.OPERATOR)
    client.force_login(user)
    assert client.get(f"{at}pause?{query}").status_code in (404, 422)


def pause_both(log: Log) -> None:
    """Pause `pricing` and `order-1`, as another process does."""

    async def run() -> None:
        async with Engine() as engine:
            for target in (PRICING, ORDER):
                await pause(engine.writer, log.pk, target, reason="charges twice", by="jon")

    asyncio.run(run())
