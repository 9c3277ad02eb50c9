"""Live rows in a real browser, by keyboard wherever a person could use it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.api_agent import Agent
from tests.support.browser_rows import ROWS, positions, scroll_away
from tests.support.server import Server


def test_the_first_event_turns_the_empty_page_into_the_timeline(admin_page: Page, agent: Agent) -> None:
    expect(admin_page.get_by_role("heading", name="Append the first event")).to_be_visible()
    field = admin_page.get_by_role("combobox", name="Query")
    field.fill("half typed")
    agent.append("order-1", {"type": "OrderPlaced"})
    expect(admin_page.locator(ROWS)).to_have_count(1)
    expect(field).to_have_value("half typed")
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(2)


def test_an_appended_event_arrives_at_the_top(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    agent.append("order-1", {"type": "<img src=x onerror=alert(1)>", "data": {"sku": "A-7"}})
    first = admin_page.locator(ROWS).first
    expect(first).to_contain_text("<img src=x onerror=alert(1)>")
    expect(first).to_contain_text("A-7")
    assert positions(admin_page) == [2, 1]
    expect(admin_page.locator("#announce")).to_have_text("1 new event")


def test_rows_that_come_while_scrolled_away_are_counted_and_wait(admin_page: Page, agent: Agent) -> None:
    scroll_away(admin_page, agent)
    agent.append("order-1", {}, {}, {})
    pill = admin_page.get_by_role("button", name="3 new")
    expect(pill).to_be_visible()
    assert len(positions(admin_page)) == 60
    pill.press("Enter")
    expect(admin_page.locator(ROWS)).to_have_count(63)
    assert positions(admin_page) == list(range(63, 0, -1))
    expect(pill).to_be_hidden()


def test_pausing_keeps_rows_back_and_resuming_shows_them_all(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    admin_page.keyboard.press("l")
    expect(admin_page.get_by_text("Paused at #1.")).to_be_visible()
    agent.append("order-1", {}, {})
    expect(admin_page.locator("#paused-count")).to_have_text("2 new events wait; no event is lost.")
    assert positions(admin_page) == [1]
    admin_page.keyboard.press("l")
    expect(admin_page.locator(ROWS)).to_have_count(3)
    assert positions(admin_page) == [3, 2, 1]
    expect(admin_page.locator("#paused")).to_be_hidden()


def test_a_restarted_server_loses_no_row(admin_page: Page, agent: Agent, server: Server) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    server.kill()
    expect(admin_page.locator("#live-state")).to_have_text("Reconnecting…")
    server.start()
    # These events may come before or after the socket is back; either way it goes on from the last position.
    for _ in range(5):
        agent.append("order-1", {}, {})
    expect(admin_page.locator(ROWS)).to_have_count(11)
    assert positions(admin_page) == list(range(11, 0, -1))
    expect(admin_page.locator("#live-state")).to_be_hidden()


def test_a_query_stays_live_and_in_the_url(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1", {"type": "A"}, {"type": "B"})
    expect(admin_page.locator(ROWS)).to_have_count(2)
    admin_page.keyboard.press("/")
    admin_page.keyboard.type("type:B")
    admin_page.keyboard.press("Enter")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    assert admin_page.url.endswith("/?q=type%3AB")
    agent.append("order-1", {"type": "A"}, {"type": "B"}, {"type": "l"})
    expect(admin_page.locator(ROWS)).to_have_count(2)
    assert positions(admin_page) == [4, 2]


def test_nothing_matches_turns_into_rows_when_something_does(admin_page: Page, agent: Agent, log: object) -> None:
    agent.append("order-1")
    admin_page.goto(f"{admin_page.url}?q=type:Later")
    expect(admin_page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    agent.append("order-1", {"type": "Later"})
    expect(admin_page.locator(ROWS)).to_have_count(1)


def test_a_page_keeps_a_thousand_rows_and_leads_on_from_the_last(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    for n in range(6):
        agent.append("order-1", *[{}] * 200)
        # One frame a batch: rows that wait beyond a thousand would become a gap, for which another rule holds.
        expect(admin_page.locator(ROWS).first).to_have_attribute("data-position", str(1 + 200 * (n + 1)))
    assert positions(admin_page) == list(range(1_201, 201, -1))
    expect(admin_page.locator("#older")).to_have_attribute("href", re.compile(r"\?before=202$"))


def test_letters_typed_into_a_field_are_text(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    field = admin_page.get_by_role("combobox", name="Query")
    field.focus()
    admin_page.keyboard.type("jkl?/")
    expect(field).to_have_value("jkl?/")
    expect(admin_page.locator("#live")).to_have_attribute("aria-checked", "true")
    expect(admin_page.get_by_role("dialog")).to_have_count(0)


def test_a_question_mark_lists_the_keys(admin_page: Page, agent: Agent) -> None:
    admin_page.keyboard.press("?")
    expect(admin_page.get_by_role("dialog", name="Keys")).to_be_visible()
    admin_page.keyboard.press("Escape")
    expect(admin_page.get_by_role("dialog")).to_have_count(0)
