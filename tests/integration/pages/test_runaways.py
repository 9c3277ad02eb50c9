"""The pages of agents and of workflows say who runs away, and lead to the evidence."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from events.engine import Engine
from events.models import Log, Role
from events.pauses.pausing import pause, resume
from events.pauses.target import Target
from projections.catalog.agents import agents
from tests.support.factories import make_member
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle


@pytest.fixture
def operator(client: Client, user: User, log: Log) -> Client:
    make_member(log, user=user, role=Role.OPERATOR)
    client.force_login(user)
    return client


def bars(client: Client, url: str) -> list[str]:
    """The sentences of the page about what runs away, without their tags."""
    page = client.get(url).content.decode()
    parts = re.findall(r'<p class="runaway">(.*?)</p>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", part).split()) for part in parts]


def pause_again(log: Log, target: Target, times: int = 1) -> None:
    """Resume a target and pause it, so many times, as another process does."""

    async def run() -> None:
        async with Engine() as engine:
            for _ in range(times):
                await resume(engine.writer, log.pk, target, reason="mended", by="ada")
                await pause(engine.writer, log.pk, target, reason="charges twice", by="ada")

    asyncio.run(run())


def charge(n: int = 0, **fields: Any) -> dict[str, Any]:
    data = f'{{"order": "1196", "amount": "{n}"}}'.encode()
    return {"type": "payment.initiated", "agent": "pricing", "correlation_id": "order-1196", "data": data, **fields}


def test_an_agent_that_repeats_itself_is_named_on_both_pages(
    operator: Client, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1196", *[charge()] * 6)
    settle(log, agents)
    sentence = "Runaway: pricing appended the same payment.initiated 6 times, #1 to #6"
    assert bars(operator, f"{at}agents/") == [f"{sentence} , in order-1196 Pause… pricing"]
    assert bars(operator, f"{at}workflows/order-1196/") == [f"{sentence} Pause… pricing"]
    page = operator.get(f"{at}agents/").content.decode()
    assert "Runs away" in page
    for position in (1, 6):
        assert f'href="{at}events/{position}"' in page


def test_two_agents_to_and_fro_are_named_and_their_workflow_can_be_paused(
    operator: Client, log: Log, append: AppendEvents, at: str
) -> None:
    talk = [charge(n % 2, agent=("asker", "answerer")[n % 2], type="said") for n in range(10)]
    append("talk", *talk)
    settle(log, agents)
    [bar] = bars(operator, f"{at}agents/")
    assert bar.startswith("Runaway: asker and answerer took 8 turns without anything new, #3 to #10")
    assert "Pause… order-1196" in bar


def test_an_agent_that_went_on_does_not_run_away_now_and_its_workflow_tells_that_it_did(
    operator: Client, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1196", *[charge()] * 6, *map(charge, range(1, 7)))
    settle(log, agents)
    assert bars(operator, f"{at}agents/") == []
    assert len(bars(operator, f"{at}workflows/order-1196/")) == 1


def test_an_agent_without_an_event_for_a_long_time_does_not_run_away_now(
    operator: Client, log: Log, append: AppendEvents, at: str
) -> None:
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    append("order-1196", *[charge(agent=("asker", "answerer")[n % 2], occurred_at=yesterday) for n in range(12)])
    settle(log, agents)
    assert bars(operator, f"{at}agents/") == []
    assert len(bars(operator, f"{at}workflows/order-1196/")) == 1


@pytest.mark.parametrize("target", [Target("agent", "pricing"), Target("workflow", "order-1196")], ids=str)
def test_a_runaway_that_is_paused_is_evidence_and_nothing_to_pause(
    operator: Client, log: Log, append: AppendEvents, at: str, target: Target
) -> None:
    append("order-1196", *[charge()] * 6)
    settle(log, agents)
    pause_again(log, target)
    assert bars(operator, f"{at}agents/") == []
    assert "Runs away" not in operator.get(f"{at}agents/").content.decode()
    [bar] = bars(operator, f"{at}workflows/order-1196/")
    assert "Pause" not in bar


def test_what_the_server_appends_again_and_again_is_no_runaway(
    operator: Client, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1196", charge())
    pause_again(log, Target("workflow", "order-1196"), times=10)
    page = operator.get(f"{at}workflows/order-1196/").content.decode()
    assert page.count("workflow.paused") >= 10
    assert bars(operator, f"{at}workflows/order-1196/") == []


def test_ordinary_agents_are_not_named(operator: Client, log: Log, append: AppendEvents, at: str) -> None:
    append("order-1196", *map(charge, range(12)))
    append("large", *[charge(data=b'"' + b"%d" % n + b"x" * 9_000 + b'"') for n in range(12)])
    settle(log, agents)
    assert bars(operator, f"{at}agents/") == bars(operator, f"{at}workflows/order-1196/") == []


def test_a_workflow_beyond_its_budget_is_named(
    operator: Client, append: AppendEvents, at: str, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, runaway_workflow_events=11)
    append("order-1196", *map(charge, range(12)))
    [bar] = bars(operator, f"{at}workflows/order-1196/")
    assert bar == "Runaway: this workflow has 12 events, where 11 are expected at most"


def test_the_thresholds_are_settings(
    operator: Client, log: Log, append: AppendEvents, at: str, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, runaway_repeats=7)
    append("order-1196", *[charge()] * 6)
    settle(log, agents)
    assert bars(operator, f"{at}agents/") == bars(operator, f"{at}workflows/order-1196/") == []


def test_a_redaction_makes_no_runaway(operator: Client, log: Log, append: AppendEvents, at: str) -> None:
    append("order-1196", *[charge(data=b"null")] * 6)
    settle(log, agents)
    assert bars(operator, f"{at}agents/") == bars(operator, f"{at}workflows/order-1196/") == []


def test_a_viewer_sees_the_finding_without_a_button(viewer: Client, log: Log, append: AppendEvents, at: str) -> None:
    append("order-1196", *[charge()] * 6)
    settle(log, agents)
    for page in ("agents/", "workflows/order-1196/"):
        [bar] = bars(viewer, at + page)
        assert "Pause" not in bar
