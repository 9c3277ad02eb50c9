"""The query bar by keyboard alone: completion, mistakes, chips, + and − beside values."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.api_agent import Agent

ROWS = "#rows [data-position]"


@pytest.fixture
def rows(admin_page: Page, agent: Agent) -> Page:
    agent.append(
        "order-1",
        {"type": "OrderPlaced", "agent": "router", "data": {"amount": 5, "items": [{"sku": "a b"}]}},
        {"type": "OrderPaid", "agent": "till", "data": {"amount": 7}},
        {"type": "Sent", "agent": "router"},
    )
    expect(admin_page.locator(ROWS)).to_have_count(3)
    admin_page.reload()  # while the empty page becomes the timeline, a row is a plain link for a moment
    return admin_page


@pytest.fixture
def bar(rows: Page) -> Locator:
    """The query bar, with the caret in it."""
    rows.keyboard.press("/")
    bar = rows.get_by_role("combobox", name="Query")
    expect(bar).to_be_focused()
    return bar


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Completions").get_by_role("option")


def query_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("q", [""])[0]


def test_a_query_is_written_with_completion_alone(rows: Page, bar: Locator) -> None:
    expect(options(rows).first).to_contain_text("type:")  # an empty bar offers all that there is
    rows.keyboard.type("ty")
    expect(options(rows)).to_have_count(1)
    rows.keyboard.press("ArrowDown")
    expect(bar).to_have_attribute("aria-activedescendant", "completion-1")
    rows.keyboard.press("Tab")
    expect(bar).to_have_value("type:")
    expect(bar).to_be_focused()
    expect(options(rows)).to_have_count(3)
    rows.keyboard.press("ArrowUp")  # from the field to the last offer
    expect(rows.get_by_role("option", selected=True)).to_have_text("type:Sent")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        rows.keyboard.press(key)
    expect(bar).to_have_value("type:OrderPlaced ")
    expect(options(rows)).to_have_count(0)
    assert "?" not in rows.url  # no search has begun yet
    rows.keyboard.type("data.it")
    expect(options(rows)).to_have_text(["data.items[*].sku:"])
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("Enter")
    expect(options(rows)).to_have_text(['data.items[*].sku:"a b"'])
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("Enter")
    rows.keyboard.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    assert query_of(rows).strip() == 'type:OrderPlaced data.items[*].sku:"a b"'


def test_escape_closes_and_enter_without_a_choice_searches(rows: Page, bar: Locator) -> None:
    rows.keyboard.type("agent:")
    expect(options(rows)).to_have_count(2)
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("Escape")
    expect(options(rows)).to_have_count(0)
    expect(bar).not_to_have_attribute("aria-activedescendant", re.compile("."))
    expect(bar).to_have_attribute("aria-expanded", "false")
    expect(bar).to_have_value("agent:")
    rows.keyboard.type("till")
    expect(options(rows)).to_have_count(1)
    rows.keyboard.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    expect(options(rows)).to_have_count(0)


def test_tab_without_a_choice_goes_on(rows: Page, bar: Locator) -> None:
    rows.keyboard.type("ag")
    expect(options(rows)).to_have_count(1)
    rows.keyboard.press("Tab")
    expect(rows.get_by_role("button", name="Search")).to_be_focused()
    expect(options(rows)).to_have_count(0)


def test_an_offer_that_is_chosen_replaces_the_word_at_the_caret(rows: Page, bar: Locator) -> None:
    bar.fill("-ag type:Sent")
    bar.evaluate("bar => bar.setSelectionRange(3, 3)")
    rows.keyboard.press("ArrowDown")
    expect(options(rows)).to_have_text([re.compile("^agent:")])
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("Enter")
    expect(bar).to_have_value("-agent: type:Sent")
    expect(options(rows)).to_have_count(2)
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("Enter")
    expect(bar).to_have_value("-agent:router type:Sent")


def test_a_mistake_is_said_below_the_bar_until_it_is_mended(rows: Page, bar: Locator) -> None:
    rows.keyboard.type("agnet:till")
    rows.keyboard.press("Enter")
    alert = rows.get_by_role("alert")
    expect(alert).to_contain_text("Did you mean agent:?")
    expect(alert.locator("mark")).to_have_text("agnet:till")
    expect(bar).to_have_attribute("aria-invalid", "true")
    expect(bar).to_be_focused()
    bar.fill("agent:till")
    rows.keyboard.press("Enter")
    expect(alert).to_have_count(0)
    expect(bar).not_to_have_attribute("aria-invalid", "true")
    expect(rows.locator(ROWS)).to_have_count(1)


def test_a_chip_is_taken_off_and_rows_stay_live(rows: Page, bar: Locator, agent: Agent) -> None:
    rows.keyboard.type("agent:router -type:Sent")
    rows.keyboard.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    expect(rows.locator("#announce")).to_have_text("1 event shown.")
    remove = rows.get_by_role("link", name="Remove -type:Sent")
    remove.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(2)
    expect(bar).to_have_value("agent:router")
    assert query_of(rows) == "agent:router"
    agent.append("order-2", {"agent": "till"}, {"agent": "router"})
    expect(rows.locator(ROWS)).to_have_count(3)
    rows.get_by_role("link", name="Clear", exact=True).press("Enter")
    expect(rows.locator(ROWS)).to_have_count(5)
    expect(bar).to_have_value("")
    assert rows.url.endswith("/")


def test_an_unfinished_query_outlives_changes_of_the_list(rows: Page, bar: Locator, agent: Agent) -> None:
    rows.goto(f"{rows.url}?q=type:Later")
    bar.fill("half typed")
    agent.append("order-1", {"type": "Later"})
    expect(rows.locator(ROWS)).to_have_count(1)
    expect(bar).to_have_value("half typed")


def test_the_bar_works_without_a_script(rows: Page) -> None:
    browser = rows.context.browser
    assert browser
    context = browser.new_context(java_script_enabled=False, storage_state=rows.context.storage_state())
    page = context.new_page()
    page.goto(rows.url)
    bar = page.get_by_role("textbox", name="Query")
    bar.fill("agent:router type:Order*")
    bar.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(bar).to_have_value("agent:router type:Order*")
    page.get_by_role("link", name="Remove type:Order*").press("Enter")
    expect(page.locator(ROWS)).to_have_count(2)
    context.close()


def tab_to(page: Page, link: Locator) -> None:
    for _ in range(60):
        if link.evaluate("link => link === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("not reached by keyboard")


def test_values_of_an_open_row_are_added_and_excluded_by_keyboard(rows: Page, bar: Locator) -> None:
    bar.fill("-type:Sent")
    rows.keyboard.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(2)
    rows.get_by_role("link", name="OrderPaid").press("Enter")
    value = rows.locator(".event-open .tree-row").filter(has_text="amount")
    exclude = value.get_by_role("link", name="Exclude")
    tab_to(rows, exclude)
    expect(value.locator(".picks")).to_have_css("opacity", "1")
    rows.keyboard.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    assert query_of(rows) == "-type:Sent -data.amount:7"
    expect(rows.get_by_role("combobox", name="Query")).to_have_value("-type:Sent -data.amount:7")
    rows.get_by_role("link", name="OrderPlaced").press("Enter")
    agent = rows.locator(".event-open dd").filter(has_text="router")
    agent.get_by_role("link", name="Add to query").press("Enter")
    expect(rows.get_by_role("list", name="The query’s terms").get_by_role("listitem")).to_have_text(
        ["-type:Sent", "-data.amount:7", "agent:router"]
    )


def test_an_events_own_page_leads_to_the_timeline_with_its_value(rows: Page) -> None:
    rows.keyboard.press("j")
    rows.keyboard.press("o")
    expect(rows.get_by_role("heading", name="Sent", exact=True)).to_be_visible()
    rows.locator("dd").filter(has_text="router").get_by_role("link", name="Exclude").press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    assert query_of(rows) == "-agent:router"


def test_a_field_that_an_extension_has_styled_is_swapped_without_an_inline_style(rows: Page, bar: Locator) -> None:
    """Password managers style fields. The page's fixture fails on anything that the Content-Security-Policy refuses."""
    rows.evaluate("document.getElementById('asked').style.color = 'red'")
    bar.fill("type:Sent")
    bar.press("Enter")
    expect(rows.locator(ROWS)).to_have_count(1)
    expect(rows.locator("#asked")).to_have_value("type:Sent")
