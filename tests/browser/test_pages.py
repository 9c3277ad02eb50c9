"""The main paths of pages, by keyboard wherever possible: rows that open, completion, parts that fail."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, Route, expect

from events.models import Log
from projections.catalog.agents import agents
from projections.catalog.counts import counts
from tests.support.api_agent import Agent
from tests.support.running import settle

ROWS = "#rows [data-position]"


@pytest.fixture
def rows(admin_page: Page, agent: Agent) -> Page:
    agent.append(
        "order-1",
        {"type": "A", "id": "first", "correlation_id": "w", "agent": "router"},
        {"type": "B", "causation_id": "first", "correlation_id": "w", "data": {"text": "word " * 1_000}},
        {"type": "C", "agent": "till"},
    )
    expect(admin_page.locator(ROWS)).to_have_count(3)
    admin_page.reload()  # while the empty page becomes the timeline, a row is a plain link for a moment
    return admin_page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_row_opens_in_place_and_folds_again(rows: Page, agent: Agent) -> None:
    press(rows, "j", "j", "k", "j", "Enter")
    opened = rows.locator(".event-open")
    expect(opened).to_contain_text("word word")
    expect(rows.locator(".event-row[aria-expanded=true]")).to_have_attribute("data-position", "2")
    # Events that come meanwhile go in above, and leave the row open.
    agent.append("order-1", {"type": "D"})
    expect(rows.locator(ROWS)).to_have_count(4)
    expect(opened).to_have_count(1)
    press(rows, "Enter")
    expect(opened).to_have_count(0)
    expect(rows.locator(".event-row[aria-expanded=false]")).to_be_focused()


def test_a_long_text_unfolds_within_an_open_row(rows: Page) -> None:
    press(rows, "j", "j", "Enter")
    rest = rows.get_by_role("link", name="Show the rest")
    rest.press("Enter")
    expect(rest).to_have_count(0)
    expect(rows.locator(".event-open pre").first).to_contain_text("word " * 1_000)


def test_o_opens_the_rows_own_page_and_so_does_another_tab(rows: Page) -> None:
    with rows.context.expect_page() as opened:
        rows.locator(ROWS).last.click(modifiers=["ControlOrMeta"])
    expect(opened.value.get_by_role("heading", name="A", exact=True)).to_be_visible()
    expect(rows.locator(".event-open")).to_have_count(0)
    opened.value.close()
    press(rows, "k", "o")  # up from the row that was pressed
    expect(rows.get_by_role("heading", name="B", exact=True)).to_be_visible()
    rows.get_by_role("link", name="Previous in the workflow: #1").press("Enter")
    expect(rows.get_by_role("heading", name="A", exact=True)).to_be_visible()


def test_back_from_its_own_page_the_row_has_the_focus(rows: Page) -> None:
    press(rows, "j", "j", "o")
    expect(rows.get_by_role("heading", name="B", exact=True)).to_be_visible()
    rows.go_back()
    expect(rows.locator("[data-position='2']")).to_be_focused()
    press(rows, "j")
    expect(rows.locator("[data-position='1']")).to_be_focused()
    # The row is found again, too, from inside the part that it opened.
    press(rows, "Enter")
    rows.get_by_role("link", name="Its own page").press("Enter")
    expect(rows.get_by_role("heading", name="A", exact=True)).to_be_visible()
    rows.go_back()
    expect(rows.locator("[data-position='1']")).to_be_focused()


def test_a_row_that_is_opened_leaves_more_than_half_of_the_screen_to_others(rows: Page, agent: Agent) -> None:
    rows.set_viewport_size({"width": 1440, "height": 900})
    agent.append("order-1", {"type": "D", "data": {"amount": 5, "currency": "EUR"}, "agent": "till"})
    rows.locator("[data-position='4']").press("Enter")
    expect(rows.locator(".event-open")).to_contain_text("EUR")
    box = rows.locator(".event-open").bounding_box()
    assert box
    assert box["height"] < 420


def test_the_name_of_a_stream_is_read_as_one_word(rows: Page, agent: Agent) -> None:
    agent.append("order-1027")
    row = rows.locator("[data-position='4']")
    expect(row).to_have_accessible_name(re.compile(r"(^|\s)order-1027(\s|$)"))
    expect(row).not_to_have_accessible_name(re.compile("r-1027 "))


def test_rows_open_without_a_script(rows: Page) -> None:
    browser = rows.context.browser
    assert browser
    context = browser.new_context(java_script_enabled=False, storage_state=rows.context.storage_state())
    page = context.new_page()
    page.goto(rows.url)
    page.locator(ROWS).first.press("Enter")
    expect(page.get_by_role("heading", name="C", exact=True)).to_be_visible()
    context.close()


def test_a_part_that_fails_says_so_in_its_place_until_it_works(rows: Page) -> None:
    def fail(route: Route) -> None:
        route.fulfill(status=500, body="<h1>no</h1>")

    rows.route("**/events/*", fail)
    press(rows, "j", "Enter")
    alert = rows.get_by_role("alert")
    expect(alert).to_contain_text("The server answered 500")
    expect(rows.locator(ROWS)).to_have_count(3)
    rows.unroute("**/events/*")
    rows.route("**/events/*", lambda route: route.abort())
    press(rows, "Enter")
    expect(alert).to_contain_text("can’t be reached")
    rows.unroute("**/events/*")
    press(rows, "Enter")
    expect(rows.locator(".event-open")).to_have_count(1)
    expect(alert).to_have_count(0)


def test_a_session_that_ended_leads_to_signing_in_and_not_into_the_page(rows: Page) -> None:
    rows.context.clear_cookies()
    press(rows, "j", "Enter")
    rows.wait_for_url("**/login/?next=/logs/**")
    expect(rows.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_workflow_is_found_and_read_by_keyboard(rows: Page, log: Log) -> None:
    rows.get_by_role("link", name="Workflows").press("Enter")
    expect(rows.get_by_role("heading", name="Workflows")).to_be_visible()
    rows.wait_for_load_state()
    press(rows, "j", "Enter")
    expect(rows).to_have_url(re.compile(f"/logs/{log.name}/workflows/w/$"))
    rows.wait_for_load_state()
    press(rows, "j", "j", "Enter")
    expect(rows.locator(".event-open")).to_contain_text("word word")
    rows.get_by_role("link", name="In order").press("Enter")
    expect(rows).to_have_url(re.compile(r"/workflows/w/\?order=log$"))
    expect(rows.locator(".wf-rows article")).to_have_count(2)


def test_streams_are_found_and_read_by_keyboard(rows: Page, agent: Agent, log: Log) -> None:
    agent.append("till-1", *[{"type": "Sold"}] * 101)
    rows.goto(f"/logs/{log.name}/streams/")
    press(rows, "/", "t", "i", "Enter")
    expect(rows.locator("[data-row]")).to_have_text(["till-1"])
    rows.get_by_role("link", name="By name").press("Enter")
    expect(rows.get_by_role("link", name="By name")).to_have_attribute("aria-current", "true")
    expect(rows.get_by_role("link", name="By name")).to_be_focused()
    press(rows, "j", "o")
    expect(rows.locator(".stream-rows .pos").nth(1)).to_have_text("101")
    rows.get_by_role("link", name="Oldest first").press("Enter")
    expect(rows.locator(".stream-rows .pos").nth(1)).to_have_text("1")
    expect(rows.get_by_role("link", name="Oldest first")).to_be_focused()
    # The next page is a new place, so reading goes on at its beginning.
    rows.get_by_role("link", name="Newer").press("Enter")
    expect(rows.locator(".stream-rows .pos")).to_have_text(["Version", "101"])
    expect(rows.locator("#stream")).to_be_focused()
    press(rows, "j", "Enter")
    expect(rows.locator(".event-open")).to_have_count(1)
    press(rows, "o")
    expect(rows).to_have_url(re.compile(r"/events/104$"))
    rows.get_by_role("link", name="Previous in the stream").press("Enter")
    expect(rows).to_have_url(re.compile(r"/events/103$"))


def test_the_id_the_link_and_the_json_of_an_event_can_be_copied(rows: Page, log: Log) -> None:
    rows.context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(rows, "j", "j", "j", "Enter")
    for name, expected in (
        ("id", "first"),
        ("link", rows.url.partition("?")[0] + "events/1"),
        ("JSON", '"position":1'),
    ):
        rows.get_by_role("button", name=f"Copy {name}").press("Enter")
        expect(rows.get_by_role("button", name="Copied")).to_be_visible()
        assert expected in rows.evaluate("navigator.clipboard.readText()")
        expect(rows.get_by_role("button", name="Copied")).to_have_count(0)


def test_the_empty_pages_commands_work_as_they_stand(admin_page: Page) -> None:
    button = admin_page.get_by_role("button", name="Make a token")
    button.press("Enter")
    expect(button).to_have_count(0)
    assert "evt_" not in admin_page.url
    program = admin_page.locator("#first-python").text_content()
    assert program
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    expect(admin_page.locator(ROWS)).to_have_count(3)
    expect(admin_page.get_by_role("heading", name="Append the first event")).to_have_count(0)


def test_the_demo_agents_start_and_the_empty_page_flips(admin_page: Page) -> None:
    admin_page.get_by_role("button", name="Run the demo agents").press("Enter")
    expect(admin_page.get_by_role("status").filter(has_text="are at work")).to_be_visible()
    expect(admin_page.locator(ROWS).first).to_be_visible()
    expect(admin_page.get_by_role("heading", name="Append the first event")).to_have_count(0)


@pytest.mark.parametrize(
    "path", ["streams/", "workflows/", "agents/", "projections/", "projections/counts/", "tokens/"]
)
def test_at_1024_pixels_no_column_of_a_table_is_beyond_the_screen(
    path: str, admin_page: Page, agent: Agent, log: Log
) -> None:
    long = {"type": "payment.failed" + "x" * 80, "agent": "a" * 80, "correlation_id": "w" * 80}
    agent.append("s" * 80, long, long)
    settle(log, agents, counts)
    admin_page.set_viewport_size({"width": 1024, "height": 900})
    admin_page.goto(f"/logs/{log.name}/{path}")
    tables = admin_page.locator(".scroll-x")
    expect(tables.first).to_be_visible()
    assert tables.evaluate_all("tables => tables.every(each => each.scrollWidth <= each.clientWidth)")


def test_the_first_48_types_of_a_log_are_drawn_differently(themed: Page, agent: Agent, log: Log) -> None:
    agent.append("order-1", *[{"type": f"Type{n}"} for n in range(48)])
    themed.goto(f"/logs/{log.name}/")
    themed.wait_for_load_state()
    glyphs = themed.locator("#rows .glyph")
    agent.append("order-1", {"type": "Type7"})
    expect(glyphs).to_have_count(49)
    live, *of_page = glyphs.evaluate_all("all => all.map(glyph => glyph.outerHTML)")
    assert live == of_page[-8]
    assert len({glyph.screenshot() for glyph in glyphs.all()[1:]}) == 48


@pytest.mark.parametrize("path", ["", "streams/order-7/", "workflows/order-7/"])
def test_on_a_phone_a_row_names_its_agent(admin_page: Page, agent: Agent, log: Log, path: str) -> None:
    told = {"type": "tool.returned", "correlation_id": "order-7", "data": {"result": "V2 is reserved"}}
    agent.append("order-7", {**told, "agent": "router"}, {**told, "agent": "a" * 200}, told)
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.goto(f"/logs/{log.name}/{path}")
    rows = admin_page.locator(".event-row:not(.th)")
    expect(rows).to_have_count(3)
    expect(rows.get_by_text("router", exact=True)).to_be_in_viewport(ratio=1)
    places = [[part.bounding_box() for part in rows.locator(name).all()] for name in (".type", ".agent", ".sum")]
    for type_at, agent_at, said_at in zip(*places, strict=True):
        assert type_at
        assert agent_at
        assert said_at
        assert agent_at["x"] == 12
        assert agent_at["y"] > type_at["y"]
        assert said_at["width"] > 100
        assert said_at["x"] + said_at["width"] <= 390 - 12
        assert said_at["y"] == type_at["y"] or said_at["x"] == 12 + agent_at["width"]
