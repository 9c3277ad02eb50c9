"""Times are shown in the viewer's own zone on every part of a page, and in UTC again by a switch."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server
from tests.support.subscriptions import make_subscription

# 22:30 UTC is 04:00 of the next day in Kolkata, all year round.
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


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("9999-12-31T23:59:59Z", "10000-01-01 05:29:59.000000 UTC+05:30"),
        ("0001-01-01T00:00:00Z", "0001-01-01 05:"),
    ],
)
def test_the_first_and_the_last_year_have_plain_names(
    page_in_kolkata: Page, log: Log, agent: Agent, utc: str, local: str
) -> None:
    agent.append("order-1", {"type": "A", "occurred_at": utc})
    page_in_kolkata.goto(f"/logs/{log.name}/events/1")
    expect(page_in_kolkata.locator("time.precise").first).to_contain_text(local)


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ('since:"2021-07-22 04:00"', "since:2021-07-22T04:00+05:30"),
        ("since:2021-07-22T04:00:01.5 type:A", "since:2021-07-22T04:00:01.5+05:30 type:A"),
        ("(since:2021-07-22 OR type:B)", "(since:2021-07-22T00:00+05:30 OR type:B)"),
        ("-until:2021-07-22", "-until:2021-07-22T00:00+05:30"),
        ("since:2021-07-21T22:30:00Z", "since:2021-07-21T22:30:00Z"),
        ("since:2000d", "since:2000d"),
        ('-"a since:2021-07-22 b"', '-"a since:2021-07-22 b"'),
    ],
)
def test_a_time_that_is_typed_without_a_zone_means_the_zone_that_is_shown(
    page_in_kolkata: Page, log: Log, agent: Agent, typed: str, utc: str
) -> None:
    page = page_in_kolkata
    agent.append("order-1", {"type": "A", "occurred_at": SENT})
    page.goto(f"/logs/{log.name}/")
    bar = page.get_by_role("combobox", name="Query")
    bar.fill(typed)
    bar.press("Enter")
    page.wait_for_url(lambda url: "q=" in url)
    assert parse_qs(urlsplit(page.url).query)["q"] == [utc]
    expect(page.locator(TIME)).to_have_text([LOCAL])


def test_the_chip_says_the_zone_that_is_shown(page_in_kolkata: Page, log: Log, agent: Agent) -> None:
    page = page_in_kolkata
    agent.append("order-1", {"type": "A", "occurred_at": SENT})
    page.goto(f"/logs/{log.name}/")
    bar = page.get_by_role("combobox", name="Query")
    switch = page.get_by_role("button", name="UTC times")
    for zone in ("UTC+05:30", "UTC"):
        bar.fill('since:"2021-07-21 04:00"')
        bar.press("Enter")
        expect(page.locator(".chip time")).to_have_text(f"2021-07-21 04:00:00 {zone}")
        expect(page.locator(".chip time")).to_be_visible()
        page.goto(f"/logs/{log.name}/")
        switch.press("Enter")


def test_a_time_typed_into_a_field_is_in_the_zone_that_the_page_shows(page_in_kolkata: Page, log: Log) -> None:
    page = page_in_kolkata
    make_subscription(log)
    page.goto(f"/logs/{log.name}/subscriptions/work/rewind?by=time")
    field = page.get_by_label("Time of the first event with which it goes on")
    for typed, sent in (("2026-01-31 12:00", "2026-01-31T12:00+05:30"), ("2h", "2h")):
        field.fill(typed)
        field.press("Enter")
        expect(page.get_by_role("heading", name="Dry run")).to_be_visible()
        expect(field).to_have_value(sent)
