"""An agent or a workflow is paused in a modal dialog, or without scripts by a form of its own."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from projections.catalog.agents import agents
from tests.support.accessibility import findings_at_each_width
from tests.support.api_agent import Agent
from tests.support.running import settle
from tests.support.server import Server

NAME = "a b/(-> X)#1"
BY_NAME = re.compile(r"^(Pause|Resume)… ")


@pytest.fixture
def two_agents(agent: Agent, log: Log) -> None:
    agent.append("s", {"agent": NAME, "correlation_id": "run-1"}, {"agent": "other"})
    settle(log, agents)


def test_an_agent_is_paused_in_a_dialog_and_resumed(admin_page: Page, log: Log, two_agents: None) -> None:
    admin_page.goto(f"/logs/{log.name}/agents/")
    opener = admin_page.get_by_role("link", name=f"Pause… {NAME}")
    opener.press("Enter")
    dialog = admin_page.get_by_role("dialog", name=f"Pause {NAME}?")
    reason = dialog.get_by_label("Reason")
    expect(reason).to_be_focused()
    reason.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    opener.press("Enter")
    reason.fill("charges twice")
    reason.press("Control+Enter")
    row = admin_page.locator("tr.paused")
    expect(row.locator(".doing")).to_have_text("Paused")
    expect(admin_page.locator("tr.gate")).to_contain_text("“charges twice”")
    admin_page.get_by_role("link", name=f"Resume… {NAME}").click()
    dialog = admin_page.get_by_role("dialog", name=f"Resume {NAME}?")
    dialog.get_by_label("Reason").fill("mended")
    dialog.get_by_role("button", name=re.compile("Resume")).click()
    expect(admin_page.locator(".said.success")).to_contain_text("is resumed since #4")
    expect(row).to_have_count(0)


def test_the_key_p_pauses_the_agent_of_the_row(admin_page: Page, log: Log, two_agents: None) -> None:
    admin_page.goto(f"/logs/{log.name}/agents/")
    admin_page.wait_for_load_state()
    admin_page.keyboard.press("j")
    admin_page.keyboard.press("p")
    expect(admin_page.get_by_role("dialog", name="Pause other?")).to_be_visible()
    admin_page.get_by_role("link", name="Cancel").click()
    expect(admin_page.get_by_role("dialog")).to_be_hidden()


def test_a_workflow_is_paused_on_its_page(admin_page: Page, log: Log, two_agents: None) -> None:
    admin_page.goto(f"/logs/{log.name}/workflows/run-1/")
    admin_page.get_by_role("link", name="Pause… run-1").click()
    dialog = admin_page.get_by_role("dialog", name="Pause the workflow run-1?")
    dialog.get_by_label("Reason").fill("stuck")
    dialog.get_by_role("button", name=re.compile("Pause")).click()
    expect(admin_page.locator(".paused-bar")).to_contain_text("“stuck”")
    expect(admin_page.get_by_role("link", name="Resume… run-1")).to_be_visible()


def test_without_scripts_a_page_pauses(
    browser: Browser, server: Server, admin_page: Page, log: Log, two_agents: None
) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=admin_page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/agents/")
    page.get_by_role("link", name="Pause… other").click()
    expect(page.get_by_role("heading", name="Pause other?")).to_be_visible()
    page.get_by_label("Reason").fill("charges twice")
    page.get_by_role("button", name=re.compile("Pause other")).click()
    expect(page.locator("tr.gate")).to_contain_text("“charges twice”")
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", ["agents/", "workflows/run-1/"])
def test_axe_finds_nothing_in_the_dialog_and_beside_what_is_paused(
    browser: Browser, server: Server, admin_page: Page, agent: Agent, log: Log, two_agents: None, theme: str, place: str
) -> None:
    agent.append("s", *[{"agent": NAME, "correlation_id": "run-1", "data": {"amount": 31}}] * 6)
    settle(log, agents)
    context = browser.new_context(
        base_url=server.url,
        color_scheme="dark" if theme == "dark" else "light",
        storage_state=admin_page.context.storage_state(),
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/{place}")
    page.get_by_role("link", name=BY_NAME).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator(".runaway")).to_contain_text("6 times")
    assert findings_at_each_width(page) == {}
    page.get_by_label("Reason").fill("why")
    page.get_by_role("dialog").get_by_role("button").click()
    expect(page.locator(".hatch", has_text="“why”")).to_be_visible()
    assert findings_at_each_width(page) == {}
    context.close()
