"""The list of agents comes anew every few seconds."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from events.models import Log
from projections.catalog.agents import agents
from tests.browser.agent import Agent
from tests.integration.projections.running import settle

NAME = "a b/(-> X)#1"


def test_the_list_is_kept_up_to_date_and_takes_no_focus(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("s", {"agent": NAME})
    settle(log, agents)
    admin_page.goto(f"/logs/{log.name}/")
    admin_page.get_by_role("link", name="Agents").press("Enter")
    state = admin_page.get_by_role("link", name=f"State of {NAME}")
    state.focus()
    agent.append("s", {"agent": NAME, "type": "Paid"})
    settle(log, agents)
    expect(admin_page.locator(".lastev")).to_contain_text("Paid")
    expect(state).to_be_focused()
