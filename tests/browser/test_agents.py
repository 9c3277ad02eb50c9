"""The list of agents is refreshed every few seconds."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from events.models import Log
from projections.catalog.agents import agents
from projections.catalog.lifecycle import lifecycle
from tests.support.api_agent import Agent
from tests.support.running import settle

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


@pytest.mark.parametrize("width", [1440, 1024])
def test_long_names_leave_what_is_not_finished_and_what_failed_on_the_screen(
    admin_page: Page, agent: Agent, log: Log, width: int
) -> None:
    long = {"agent": "a" * 80, "correlation_id": "w" * 80}
    agent.append("s" * 80, {"type": "payment.started", **long}, {"type": "payment.failed" + "x" * 80, **long})
    settle(log, agents, lifecycle)
    admin_page.set_viewport_size({"width": width, "height": 900})
    admin_page.goto(f"/logs/{log.name}/agents/")
    for column in ("Agent", "State", "Not finished", "Last event", "Failures"):
        expect(admin_page.get_by_role("columnheader", name=column)).to_be_in_viewport(ratio=1)
    expect(admin_page.get_by_role("link", name="Replay")).to_be_in_viewport(ratio=1)
    assert admin_page.locator("#agents-table").evaluate("table => table.scrollWidth <= table.clientWidth")


def test_on_a_phone_an_agents_name_and_last_event_are_read_whole(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("s", {"agent": "storefront", "type": "ShiftEnded"}, {"agent": "storefront", "type": "CallFailed"})
    settle(log, agents)
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.goto(f"/logs/{log.name}/agents/")
    cut = "parts => parts.filter(each => each.scrollWidth > each.clientWidth).map(each => each.className)"
    assert admin_page.locator("#agents .name, #agents .lastev b").evaluate_all(cut) == []
    name, last = (admin_page.locator(f"#agents {part}").bounding_box() for part in (".name", ".lastev"))
    assert name
    assert last
    assert name["y"] + name["height"] <= last["y"]
    expect(admin_page.get_by_role("cell", name="1 failed")).to_be_visible()
