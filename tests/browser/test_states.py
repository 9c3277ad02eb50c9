"""The page of one state: the slider, the setter of each value, and live updates."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server

STREAM = "a b/(-> X)#1"


@pytest.fixture
def state(admin_page: Page, agent: Agent, log: Log) -> Page:
    """The state of a stream of three events, reached from the stream's page by keyboard."""
    agent.append(
        STREAM,
        {"type": "Placed", "agent": "ann", "data": {"quantity": 2, "status": "new"}},
        {"type": "Paid", "agent": "bob", "data": {"status": "paid"}},
        {"type": "Changed", "agent": "cat", "data": {"quantity": 3}},
    )
    admin_page.goto(f"/logs/{log.name}/streams/")
    admin_page.get_by_role("link", name=STREAM, exact=True).press("Enter")
    admin_page.get_by_role("link", name="latest", exact=True).press("Enter")
    expect(admin_page.get_by_role("heading", name=STREAM)).to_be_visible()
    admin_page.wait_for_load_state()
    return admin_page


def row(page: Page, key: str) -> Locator:
    return page.locator("#now .tree-row").filter(has=page.locator(".key", has_text=re.compile(f"^{key}$")))


def test_the_slider_moves_through_the_versions_and_back_to_now(state: Page) -> None:
    slider = state.get_by_role("slider", name="Version")
    for key, version, quantity in (("ArrowLeft", 2, "2"), ("Home", 0, None), ("ArrowRight", 1, "2"), ("End", 3, "3")):
        slider.press(key)
        expect(state).to_have_url(re.compile(f"at_version={version}$"))
        expect(state.get_by_text(f"As of version {version}")).to_be_visible()
        expect(slider).to_be_focused()
        if quantity:
            expect(row(state, "quantity")).to_contain_text(quantity)
        else:
            expect(row(state, "quantity")).to_have_count(0)
    state.get_by_role("link", name="Back to now").press("Enter")
    expect(state.get_by_text("As of")).to_have_count(0)
    state.go_back()
    expect(state.get_by_text("As of version 3")).to_be_visible()


def test_a_value_leads_to_the_event_that_set_it_and_to_its_history(state: Page) -> None:
    expect(row(state, "status")).to_contain_text("bob")
    state.get_by_role("link", name="History of quantity").press("Enter")
    touches = state.locator(".touches .touch")
    expect(touches).to_have_count(2)
    expect(touches.first).to_contain_text("#3")
    expect(touches.last).to_contain_text("ann")
    row(state, "status").locator(".setby").press("Enter")
    expect(state).to_have_url(re.compile("/events/2$"))


def test_now_follows_the_log_and_marks_what_changed(state: Page, agent: Agent) -> None:
    agent.append(STREAM, {"type": "Changed", "agent": "dan", "data": {"quantity": 40}})
    expect(row(state, "quantity")).to_contain_text("40")
    expect(row(state, "quantity")).to_have_class(re.compile("chg"))
    expect(row(state, "quantity").locator(".setby")).to_have_text("#4")


def test_a_branch_that_was_closed_by_hand_stays_closed_when_the_state_changes(state: Page, agent: Agent) -> None:
    nested = {"address": {"town": {"name": "Ulm"}}, "parcel": {"size": 1}}
    agent.append(STREAM, {"type": "Changed", "agent": "dan", "data": nested})
    expect(row(state, "name")).to_be_visible()
    address = state.locator("#now summary").filter(has=state.locator(".key", has_text=re.compile("^address$")))
    address.press("Enter")
    expect(row(state, "name")).to_be_hidden()
    agent.append(STREAM, {"type": "Changed", "agent": "dan", "data": {"quantity": 41}})
    expect(row(state, "quantity")).to_contain_text("41")
    expect(row(state, "name")).to_be_hidden()
    expect(row(state, "size")).to_be_visible()
    address.press("Enter")
    agent.append(STREAM, {"type": "Changed", "agent": "dan", "data": {"quantity": 42}})
    expect(row(state, "quantity")).to_contain_text("42")
    expect(row(state, "name")).to_be_visible()


def test_the_past_stays_as_it_was(state: Page, agent: Agent) -> None:
    state.goto(f"{state.url}&at_version=2")
    agent.append(STREAM, {"data": {"quantity": 40}})
    state.wait_for_load_state("networkidle")
    expect(row(state, "quantity")).to_contain_text("2")


def test_a_state_is_reached_without_scripts(browser: Browser, state: Page, server: Server) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=state.context.storage_state()
    )
    page = context.new_page()
    page.goto(state.url)
    page.get_by_label("Version", exact=True).and_(page.locator("input[inputmode]")).fill("1")
    page.get_by_role("button", name="Go to the version").press("Enter")
    expect(page.get_by_text("As of version 1")).to_be_visible()
    expect(row(page, "quantity")).to_contain_text("2")
    page.get_by_role("link", name="History of quantity").click()
    expect(page.locator(".touches .touch")).to_have_count(1)
    context.close()
