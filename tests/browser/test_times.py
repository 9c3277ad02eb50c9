"""Times in the viewer's own zone, wherever they come from, and back in UTC by a switch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from tests.browser.agent import Agent
from tests.support.server import Server

# Half past ten in the evening, UTC, is four in the morning of the next day in Kolkata, the whole year.
SENT, UTC, LOCAL = "2021-07-21T22:30:01.500Z", "2021-07-21 22:30:01", "2021-07-22 04:00:01"
TIME = ".event-row:not(.th) time"


@pytest.fixture
def page_in_kolkata(browser: Browser, admin_page: Page, server: Server) -> Iterator[Page]:
    state = admin_page.context.storage_state()
    context = browser.new_context(base_url=server.url, timezone_id="Asia/Kolkata", storage_state=state)
    yield context.new_page()
    context.close()


def test_times_are_local_in_rows_that_came_with_the_page_and_in_live_ones(
    page_in_kolkata: Page, log: Log, agent: Agent
) -> None:
    page = page_in_kolkata
    agent.append("order-1", {"type": "A", "occurred_at": SENT})
    page.goto(f"/logs/{log.name}/")
    expect(page.locator(TIME)).to_have_text([LOCAL])
    expect(page.locator(".th > :first-child")).to_have_text("Time (local)")
    agent.append("order-1", {"type": "B", "occurred_at": SENT})
    expect(page.locator(TIME)).to_have_text([LOCAL, LOCAL])
    expect(page.locator(TIME).first).to_have_attribute("title", f"{UTC}.500000 UTC")
    page.locator(TIME).first.click()
    expect(page.locator(".event-open time").first).to_have_text(f"{LOCAL}.500000 UTC+05:30")


def test_the_switch_back_to_utc_is_kept(page_in_kolkata: Page, log: Log, agent: Agent) -> None:
    page = page_in_kolkata
    agent.append("order-1", {"type": "A", "occurred_at": SENT})
    page.goto(f"/logs/{log.name}/streams/order-1/")
    switch = page.get_by_role("button", name="UTC times")
    switch.press("Enter")
    for _ in range(2):
        expect(page.locator(TIME)).to_have_text([UTC])
        expect(page.locator(".th > :first-child")).to_have_text("Time (UTC)")
        expect(switch).to_have_attribute("aria-pressed", "true")
        page.reload()
    page.goto(f"/logs/{log.name}/events/1")
    expect(page.locator("time").first).to_have_text(f"{UTC}.500000 UTC")
    switch.press("Enter")
    expect(page.locator("time").first).to_have_text(f"{LOCAL}.500000 UTC+05:30")
