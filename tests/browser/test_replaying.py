"""Stepping through a stream by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server

STREAM = "a b/(-> X)#1"


@pytest.fixture
def replay(admin_page: Page, agent: Agent, log: Log) -> Page:
    admin_page.goto(f"/logs/{log.name}/streams/")
    agent.append(
        STREAM,
        {"type": "Placed", "data": {"quantity": 2}},
        {"type": "Paid", "data": {"status": "paid"}},
        {"type": "Changed", "data": {"quantity": 3}},
    )
    admin_page.reload()
    admin_page.get_by_role("link", name=STREAM, exact=True).press("Enter")
    admin_page.get_by_role("link", name="Replay").press("Enter")
    expect(admin_page.get_by_text("before the first event")).to_be_visible()
    admin_page.wait_for_load_state()  # until its modules listen
    return admin_page


def at_step(page: Page, n: int) -> None:
    expect(page.locator('[aria-current="step"] .n')).to_have_text(str(n))
    expect(page).to_have_url(re.compile(rf"/{n}$"))
    expect(page).to_have_title(re.compile(f"^Step {n} of 3"))


def test_arrow_keys_step_and_home_and_end_jump(replay: Page) -> None:
    for key, step in (
        ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 3), ("ArrowRight", 3), ("Home", 0),
        ("ArrowLeft", 0),
    ):  # fmt: skip
        replay.keyboard.press(key)
        at_step(replay, step)


def test_a_step_shows_what_changed_and_says_so(replay: Page) -> None:
    replay.keyboard.press("End")
    at_step(replay, 3)
    changed = replay.locator("#state .tree-row.chg")
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text("quantity")
    expect(changed.locator(".old")).to_have_text("2")
    expect(changed.locator(".new")).to_have_text("3")
    expect(replay.locator("#announce")).to_have_text("Step 3 of 3, Changed")


def test_going_back_in_the_browser_shows_the_step_before(replay: Page) -> None:
    replay.keyboard.press("ArrowRight")
    at_step(replay, 1)
    replay.keyboard.press("ArrowRight")
    at_step(replay, 2)
    replay.go_back()
    at_step(replay, 1)
    expect(replay.get_by_role("navigation", name="Replay")).to_be_visible()


def test_keys_in_the_step_box_move_the_text_cursor_and_enter_goes(replay: Page) -> None:
    box = replay.get_by_label("Step", exact=True).and_(replay.locator("input"))
    box.fill("2")
    box.press("Home")
    box.press("ArrowRight")
    at_step(replay, 0)
    box.press("Enter")
    at_step(replay, 2)


def test_a_replay_works_without_scripts(browser: Browser, replay: Page, server: Server) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=replay.context.storage_state()
    )
    page = context.new_page()
    page.goto(replay.url)
    page.get_by_role("link", name="Step", exact=True).click()
    at_step(page, 1)
    page.get_by_role("link", name="Last step").click()
    at_step(page, 3)
    page.goto(replay.url.split("/replay")[0] + "/")
    expect(page.locator("#rows [data-position]")).to_have_count(3)
    expect(page.locator("#live")).to_be_hidden()
    context.close()


@pytest.fixture
def collision(admin_page: Page, agent: Agent, log: Log) -> Page:
    """Two agents take turns in a stream of six steps; step 4 is a lost update."""
    for n, agent_name in enumerate(("optimizer", "router", "router", "optimizer", "router", "optimizer"), start=1):
        read = {"read_position": 1 if n == 4 else n - 1}
        agent.append("list-1", {"type": "Extended", "agent": agent_name, "data": {"stops": n}}, **read)
    admin_page.goto(f"/logs/{log.name}/replay/stream/list-1/0")
    admin_page.wait_for_load_state()
    return admin_page


def at(page: Page, n: int) -> None:
    expect(page.locator('[aria-current="step"] .n')).to_have_text(str(n))


def test_keys_go_to_the_same_agent_to_what_went_wrong_and_to_a_number(replay: Page) -> None:
    for key, step in (
        ("l", 1),
        ("l", 2),
        ("h", 1),
        ("Shift+ArrowRight", 2),
        ("Alt+ArrowRight", 3),
        ("Alt+ArrowLeft", 2),
    ):
        replay.keyboard.press(key)
        at_step(replay, step)
    replay.keyboard.press("g")
    replay.keyboard.type("3")
    replay.keyboard.press("Enter")
    at_step(replay, 3)


def test_the_strip_leads_to_a_step_without_a_new_page(replay: Page) -> None:
    replay.evaluate("window.isSame = true")
    replay.locator("#strip .column .hit").nth(1).click()
    at_step(replay, 2)
    assert replay.evaluate("window.isSame")


def test_a_value_leads_to_the_step_that_set_it(replay: Page) -> None:
    replay.keyboard.press("End")
    at_step(replay, 3)
    replay.locator("#state a.why-of", has_text="paid").press("Enter")
    expect(replay.locator(".history .ev")).to_have_text(["Paid"])
    replay.locator(".history .ev").press("Enter")
    expect(replay.locator('[aria-current="step"] .n')).to_have_text("2")
    expect(replay.locator("#why-h")).to_be_visible()
    replay.locator("#why-close").press("Enter")
    expect(replay.locator("#why-h")).to_be_hidden()


def test_the_planted_lost_update_is_one_key_away(collision: Page) -> None:
    expect(collision.locator("#strip .found")).to_have_count(1)
    collision.keyboard.press("]")
    at(collision, 4)
    expect(collision.locator("#event .label-note")).to_contain_text("optimizer had read up to 1")
    collision.keyboard.press("Shift+ArrowLeft")
    at(collision, 1)
