"""The state of a step by keyboard: pins, the difference between two steps, parts that open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server


@pytest.fixture
def replay(admin_page: Page, agent: Agent, log: Log) -> Page:
    """Step 3 of four."""
    agent.append(
        "order-1",
        {"type": "Placed", "agent": "shop", "data": {"quantity": 2, "to": {"city": "Leeds"}, "lines": [0] * 300}},
        {"type": "Paid", "agent": "till", "data": {"status": "paid"}},
        {"type": "Changed", "agent": "shop", "data": {"quantity": 3}},
        {"type": "Changed", "agent": "shop", "data": {"quantity": 4}},
    )
    admin_page.goto(f"/logs/{log.name}/replay/stream/order-1/3")
    admin_page.wait_for_load_state()
    admin_page.evaluate("window.isSame = true")
    return admin_page


def at(page: Page, n: int) -> None:
    expect(page.locator('[aria-current="step"] .n')).to_have_text(str(n))


def row(page: Page, key: str) -> str:
    return f'#state .tree-row:has(> .kvp > .key > bdi:text-is("{key}"))'


def test_p_pins_the_value_that_has_the_focus_and_lets_it_go(replay: Page) -> None:
    replay.locator(row(replay, "quantity")).locator("a.why-of").focus()
    replay.keyboard.press("p")
    expect(replay.locator(".pinned dd")).to_have_text("2→3")
    expect(replay.locator("#strip .pin-label bdi")).to_have_text("quantity")
    replay.keyboard.press("ArrowRight")
    at(replay, 4)
    expect(replay.locator(".pinned dd")).to_have_text("3→4")
    expect(replay).to_have_url(re.compile(r"/4\?pin=%2Fquantity$"))
    replay.locator(".pinned .pin").focus()
    replay.keyboard.press("p")
    expect(replay.locator(".pinned")).to_have_count(0)
    assert replay.evaluate("window.isSame")


def test_p_pins_the_value_whose_history_is_shown(replay: Page) -> None:
    replay.locator(row(replay, "status")).locator("a.why-of").press("Enter")
    expect(replay.locator("#why-h")).to_be_visible()
    replay.locator(".step-list").focus()
    replay.keyboard.press("p")
    expect(replay.locator(".pinned bdi").first).to_have_text("status")
    replay.keyboard.press("p")
    expect(replay.locator(".pinned")).to_have_count(0)


def test_a_pin_beside_a_value_is_pressed(replay: Page) -> None:
    replay.locator(row(replay, "status")).get_by_role("link", name="Pin status").press("Enter")
    expect(replay.locator(".pinned dd")).to_have_text("paid")
    box = replay.locator("#strip .strip-svg").bounding_box()
    assert box
    replay.mouse.click(box["x"] + 8, box["y"] + box["height"] - 8)  # on the track
    at(replay, 1)
    expect(replay.locator(".pinned dd")).to_have_text("no value")


def test_d_compares_with_this_step_and_stops(replay: Page) -> None:
    replay.keyboard.press("d")
    expect(replay.locator("#state .note")).to_contain_text("Go to another step")
    replay.keyboard.press("Home")
    at(replay, 0)
    expect(replay.locator("#state .pane-head")).to_contain_text("0…3, 3 events")
    expect(replay.locator(row(replay, "status")).locator(".by")).to_have_text("2 till")
    replay.keyboard.press("d")
    expect(replay.locator("#state-h")).to_have_text("State")
    assert replay.evaluate("window.isSame")


def test_a_step_that_is_clicked_with_shift_is_the_other_end(replay: Page) -> None:
    replay.locator(".step > a").nth(1).click(modifiers=["Shift"])
    expect(replay.locator("#state .pane-head")).to_contain_text("1…3, 2 events")
    at(replay, 3)
    assert len(replay.context.pages) == 1


def test_a_part_that_was_opened_stays_open_while_one_steps(replay: Page) -> None:
    city = replay.locator(row(replay, "city"))
    expect(city).to_be_hidden()
    replay.locator(row(replay, "to")).click()
    expect(city).to_be_visible()
    replay.keyboard.press("ArrowRight")
    at(replay, 4)
    expect(city).to_be_visible()
    replay.locator(row(replay, "to")).click()
    replay.keyboard.press("ArrowLeft")
    at(replay, 3)
    expect(city).to_be_hidden()


def test_a_large_part_comes_when_it_is_opened(replay: Page) -> None:
    lines = replay.locator(row(replay, "lines"))
    lines.press("Enter")
    expect(replay.locator(row(replay, "99"))).to_be_visible()
    expect(replay.locator(".htmx-added, .htmx-settling")).to_have_count(0)  # or its link does not work yet
    replay.get_by_role("link", name="show", exact=True).press("Enter")
    expect(replay.locator(row(replay, "199"))).to_be_visible()
    assert replay.evaluate("window.isSame")


def test_pins_comparing_and_parts_need_no_scripts(browser: Browser, replay: Page, server: Server) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=replay.context.storage_state()
    )
    page = context.new_page()
    page.goto(replay.url)
    page.get_by_role("link", name="Pin quantity").click()
    expect(page.locator(".pinned dd")).to_have_text("2→3")
    page.get_by_role("link", name="Compare from here").click()
    page.get_by_role("link", name="First step").click()
    expect(page.locator("#state .pane-head")).to_contain_text("0…3, 3 events")
    page.get_by_role("link", name="Stop comparing").click()
    page.get_by_role("link", name="Last step").click()
    page.locator(row(page, "lines")).click()
    page.get_by_role("link", name="Open it").click()
    expect(page.locator(row(page, "99"))).to_be_visible()
    expect(page.locator(".pinned dd")).to_have_text("3→4")
    context.close()
