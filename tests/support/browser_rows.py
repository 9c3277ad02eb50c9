"""The timeline's rows in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.api_agent import Agent

ROWS = "#rows [data-position]"


def positions(page: Page) -> list[int]:
    numbers: list[int] = page.eval_on_selector_all(ROWS, "rows => rows.map(row => Number(row.dataset.position))")
    return numbers


def scroll_away(page: Page, agent: Agent) -> None:
    agent.append("order-1", *[{}] * 60)
    expect(page.locator(ROWS)).to_have_count(60)
    page.evaluate("scrollTo({ top: 800, behavior: 'instant' })")
