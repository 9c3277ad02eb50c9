"""Tags fit on a phone, however long and many they are."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.api_agent import Agent

LONG = [f"{n:02}-{'a-long-name ' * 8}"[:100].strip() for n in range(16)]


@pytest.fixture
def tagged(admin_page: Page, agent: Agent) -> Page:
    agent.append(
        "order-1",
        {"type": "OrderPlaced", "agent": "router", "tags": ["vip", "customer:4711"], "data": {"amount": 120}},
        {"type": "OrderPlaced", "agent": "router", "tags": LONG, "data": {"text": "word " * 50}},
        {"type": "OrderPaid", "agent": "till", "data": {"amount": 7}},
    )
    expect(admin_page.locator("#rows [data-position]")).to_have_count(3)
    return admin_page


def check_width(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


@pytest.mark.parametrize("width", [390, 1440])
def test_sixteen_tags_of_a_hundred_characters_do_not_widen_a_page(tagged: Page, width: int) -> None:
    tagged.set_viewport_size({"width": width, "height": 900})
    timeline = tagged.url.partition("?")[0]
    check_width(tagged)
    tagged.locator("[data-position='2']").click()
    expect(tagged.locator(".event-open .facts .tag")).to_have_count(16)
    check_width(tagged)
    for path in ("events/1", "events/2", "replay/stream/order-1/2", "streams/order-1/"):
        tagged.goto(f"{timeline}{path}")
        check_width(tagged)


def test_a_live_row_shows_its_tags_as_a_row_of_the_page_does(tagged: Page) -> None:
    live_row = tagged.locator("[data-position='2']").inner_html()
    assert live_row.count('class="tag"') == 4, "three tags, and the number of the others"
    tagged.reload()
    assert tagged.locator("[data-position='2']").inner_html() == live_row


def test_a_tag_of_an_event_leads_to_all_events_with_it(tagged: Page) -> None:
    tagged.goto(f"{tagged.url.partition('?')[0]}events/1")
    tagged.get_by_role("link", name="customer:4711").press("Enter")
    expect(tagged.locator("#rows [data-position]")).to_have_count(1)
    expect(tagged.locator(".query-said .chip")).to_contain_text("tag:customer:4711")
