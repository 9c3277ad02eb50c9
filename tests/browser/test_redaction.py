"""A redaction while pages are open: the data leaves the screen, and Back does not bring it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from events import redaction
from events.models import Log
from tests.support.api_agent import Agent

SECRET = "4111-1111-1111-1111"
"""The data of the event before its redaction."""
PAGES = (
    "events/2", "events/3", "streams/order-1/", "workflows/job-1/", "workflows/job-1/?order=log",
    "replay/stream/order-1/1", "replay/stream/order-1/2", "replay/log/3?why=%2Fcard",
    "replay/workflow/job-1/2?pin=%2Fcard",
)  # fmt: skip
NOTE_WHAT_IS_SHOWN = f"""new MutationObserver(() => {{
    if (document.body?.textContent.includes("{SECRET}")) sessionStorage.shown = location.href;
}}).observe(document, {{ childList: true, subtree: true }})"""


@pytest.fixture
def page_with_secret(admin_page: Page, agent: Agent) -> Page:
    """A timeline of three events; the second holds the secret and is the cause of the third."""
    agent.append(
        "order-1",
        {"type": "Placed", "correlation_id": "job-1"},
        {"type": "Paid", "correlation_id": "job-1", "id": "paid", "data": {"card": SECRET}},
    )
    agent.append("order-2", {"type": "Sent", "causation_id": "paid", "correlation_id": "job-1"})
    expect(admin_page.locator("#rows [data-position]")).to_have_count(3)
    admin_page.reload()
    return admin_page


@pytest.fixture
def redact(log: Log) -> Callable[[], None]:
    def redact() -> None:
        redaction.redact(log.pk, 2, reason="a card's number", by="ada")

    return redact


@pytest.mark.parametrize("path", PAGES)
def test_an_open_page_takes_the_content_of_a_redacted_event_off_the_screen(
    path: str, page_with_secret: Page, log: Log, redact: Callable[[], None]
) -> None:
    page = page_with_secret
    page.goto(f"/logs/{log.name}/{path}")
    main, heading = page.locator("main"), page.get_by_role("heading", level=1)
    words = heading.inner_text()
    expect(main).to_contain_text(SECRET)
    redact()
    expect(main).not_to_contain_text(SECRET)
    expect(heading).to_have_text(words)


def test_the_timeline_replaces_the_row_and_stays(page_with_secret: Page, redact: Callable[[], None]) -> None:
    page = page_with_secret
    row = page.locator("[data-position='2']")
    row.focus()
    page.evaluate("document.getElementById('rows').dataset.mark = 'the same list'")
    redact()
    expect(page.locator("#rows [data-position]")).to_have_count(4)
    expect(row).not_to_contain_text(SECRET)
    expect(row).to_be_focused()
    expect(page.locator("#rows")).to_have_attribute("data-mark", "the same list")
    page.keyboard.press("Enter")
    expect(page.locator(".event-open")).to_contain_text("Redacted by ada")


def test_a_timeline_of_a_query_that_no_redaction_fits_replaces_the_row(
    page_with_secret: Page, redact: Callable[[], None]
) -> None:
    page = page_with_secret
    page.goto(f"{page.url}?q=type:Paid")
    expect(page.locator("#rows")).to_contain_text(SECRET)
    redact()
    expect(page.locator("#rows")).not_to_contain_text(SECRET)


def test_a_timeline_of_older_rows_replaces_the_row(page_with_secret: Page, redact: Callable[[], None]) -> None:
    page = page_with_secret
    page.goto(f"{page.url}?before=3")
    expect(page.locator("#rows")).to_contain_text(SECRET)
    redact()
    expect(page.locator("#rows")).not_to_contain_text(SECRET)
    expect(page.locator("#rows [data-position]")).to_have_count(2)


def test_a_paused_timeline_replaces_the_row(page_with_secret: Page, redact: Callable[[], None]) -> None:
    page = page_with_secret
    page.keyboard.press("l")
    expect(page.get_by_text("Paused at #3.")).to_be_visible()
    redact()
    expect(page.locator("#rows")).not_to_contain_text(SECRET)
    expect(page.locator("#rows [data-position]")).to_have_count(3)


@pytest.mark.parametrize("position", [2, 3], ids=["its own", "of its effect"])
def test_a_part_that_is_opened_in_place_is_requested_anew(
    position: int, page_with_secret: Page, redact: Callable[[], None]
) -> None:
    page = page_with_secret
    page.locator(f"[data-position='{position}']").press("Enter")
    expect(page.locator(".event-open")).to_contain_text(SECRET)
    redact()
    expect(page.locator("#rows")).not_to_contain_text(SECRET)
    expect(page.locator("#rows [data-position]")).to_have_count(4)


@pytest.mark.parametrize("path", ["", "events/2", "replay/stream/order-1/2"])
def test_back_on_a_page_that_was_left_the_content_is_never_shown(
    path: str, page_with_secret: Page, log: Log, redact: Callable[[], None]
) -> None:
    page = page_with_secret
    page.goto(f"/logs/{log.name}/{path}")
    expect(page.locator("main")).to_contain_text(SECRET)
    page.goto(f"/logs/{log.name}/projections/")
    redact()
    page.add_init_script(NOTE_WHAT_IS_SHOWN)
    page.go_back()
    expect(page.locator("main")).to_contain_text("Paid")
    expect(page.locator("main")).not_to_contain_text(SECRET)
    assert page.evaluate("sessionStorage.shown ?? null") is None


def test_a_page_that_the_browser_kept_in_memory_is_loaded_again(page_with_secret: Page) -> None:
    page = page_with_secret
    page.evaluate("window.before = 'the page before'")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(page.locator("main")).to_be_hidden()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator("main")).to_be_visible()
    assert page.evaluate("window.before ?? null") is None
