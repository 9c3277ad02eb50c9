"""A replay by keys, by the track of the whole, on a phone, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server

RARE = (3, 125)
FAILED = (5, 90)
STEPS = 130


@pytest.fixture
def run(admin_page: Page, agent: Agent, log: Log) -> Page:
    """Step 0 of a workflow of 130 events in two streams.

    At `RARE` an agent acts alone; at `FAILED` an event has failed.
    """
    for first, name in ((1, "a"), (3, "b"), (4, "a"), (125, "b"), (126, "a")):
        last = {1: 2, 3: 3, 4: 124, 125: 125, 126: STEPS}[first]
        events = (
            {
                "type": "ToolFailed" if n in FAILED else "ToolCalled",
                "agent": "rare" if n in RARE else "router",
                "correlation_id": "job-1",
                "data": {"n": n},
            }
            for n in range(first, last + 1)
        )
        agent.append(f"part-{name}", *events)
    admin_page.goto(f"/logs/{log.name}/replay/workflow/job-1/0")
    admin_page.wait_for_load_state()
    return admin_page


def at(page: Page, n: int) -> None:
    expect(page.locator("#step")).to_have_value(str(n))
    expect(page).to_have_url(re.compile(rf"/{n}(\?.*)?$"))


def test_keys_lead_to_what_is_alike_beyond_the_steps_listed(run: Page) -> None:
    run.keyboard.press("ArrowRight")
    at(run, 1)
    for key, n in (
        ("Alt+ArrowRight", 2),
        ("Shift+ArrowRight", 4),
        ("Shift+ArrowLeft", 2),
        ("ArrowRight", 3),
        ("Shift+ArrowRight", 125),
        ("Shift+ArrowLeft", 3),
        ("Alt+ArrowRight", 125),
        ("Alt+ArrowLeft", 3),
    ):
        run.keyboard.press(key)
        at(run, n)
    run.keyboard.press("Shift+ArrowLeft")
    expect(run.locator("#seek-said")).to_contain_text("none fits")
    at(run, 3)


def test_brackets_lead_to_what_failed(run: Page) -> None:
    run.keyboard.press("]")
    at(run, 5)
    # Beyond the steps in the list, the server searches.
    run.keyboard.press("]")
    at(run, 90)
    run.keyboard.press("]")
    expect(run.locator("#seek-said")).to_contain_text("none fits")
    run.keyboard.press("[")
    at(run, 5)
    run.keyboard.press("End")
    at(run, STEPS)
    run.keyboard.press("[")
    at(run, 90)


def test_a_breakpoint_a_pin_and_a_comparison_are_a_key_each(run: Page) -> None:
    run.keyboard.press("ArrowRight")
    at(run, 1)
    run.keyboard.press("b")
    expect(run).to_have_url(re.compile("break=type"))
    run.keyboard.press("b")
    expect(run).not_to_have_url(re.compile("break="))
    run.locator("#state .tree-row a.why-of").first.focus()
    run.keyboard.press("p")
    expect(run).to_have_url(re.compile("pin=%2Fn"))
    expect(run.locator(".pinned dd")).to_have_text("1")
    run.keyboard.press("ArrowRight")
    expect(run.locator(".pinned dd")).to_contain_text("2")
    run.keyboard.press("d")
    expect(run).to_have_url(re.compile("from=2"))
    run.keyboard.press("ArrowRight")
    expect(run.locator("#state-h")).to_have_text("Difference")
    run.keyboard.press("d")
    expect(run.locator("#state-h")).to_have_text("State")


def test_fields_are_a_key_away_and_take_the_keys_then(run: Page) -> None:
    run.keyboard.press("/")
    expect(run.locator("#to")).to_be_focused()
    run.keyboard.type("type:ToolFailed hl1 bpds[]")
    expect(run.locator("#to")).to_have_value("type:ToolFailed hl1 bpds[]")
    at(run, 0)
    run.locator("#to").fill("type:ToolFailed")
    run.keyboard.press("Enter")
    at(run, 5)
    run.keyboard.press("g")
    run.keyboard.type("77")
    run.keyboard.press("Enter")
    at(run, 77)
    run.keyboard.press("ArrowLeft")
    at(run, 76)


def test_the_box_names_the_step_that_it_led_to_instead(run: Page) -> None:
    for text, n in (("abc", 0), ("99999", STEPS)):
        run.keyboard.press("g")
        run.keyboard.type(text)
        run.keyboard.press("Enter")
        expect(run.locator("#announce")).to_contain_text(f"There is no step {text}: this is Step {n} of {STEPS}")
        at(run, n)
    run.keyboard.press("g")
    run.keyboard.type("7")
    run.keyboard.press("Enter")
    expect(run.locator("#announce")).to_have_text(f"Step 7 of {STEPS}, ToolCalled")


def test_a_question_mark_lists_the_keys_of_a_replay(run: Page) -> None:
    run.keyboard.press("?")
    keys = run.get_by_role("dialog", name="Keys")
    expect(keys.get_by_role("heading", name="Replay")).to_be_visible()
    for words in ("same agent", "same stream", "went wrong", "compare", "pin the value", "follow new events"):
        expect(keys.get_by_text(words)).to_be_visible()
    run.keyboard.press("ArrowRight")
    run.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    at(run, 0)


def test_the_link_is_that_of_the_step_even_while_a_key_is_held(run: Page) -> None:
    run.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run.keyboard.down("ArrowRight")
    while int(run.locator("#step").input_value()) < 5:
        run.keyboard.down("ArrowRight")
    run.keyboard.up("ArrowRight")
    run.keyboard.press("s")
    expect(run.get_by_role("button", name="Copied")).to_be_visible()
    expect(run.locator("#announce")).to_contain_text("Copied")
    n = run.locator("#step").input_value()
    assert run.evaluate("navigator.clipboard.readText()").endswith(f"/replay/workflow/job-1/{n}")


def test_the_link_is_that_of_the_step_which_is_still_on_its_way(run: Page) -> None:
    run.context.grant_permissions(["clipboard-read", "clipboard-write"])
    late: list[Route] = []
    run.route("**/replay/workflow/job-1/1**", lambda route: late.append(route))
    run.keyboard.press("ArrowRight")
    run.keyboard.press("s")
    run.wait_for_timeout(100)  # A link to step 0 would be copied by now.
    at(run, 0)
    for route in late:
        route.continue_()
    expect(run.locator("#announce")).to_contain_text("Copied")
    at(run, 1)
    assert run.evaluate("navigator.clipboard.readText()").endswith("/replay/workflow/job-1/1")


def test_the_strip_is_drawn_along(run: Page) -> None:
    run.keyboard.press("End")
    at(run, STEPS)
    columns = run.locator("#strip .column .hit")
    places = [columns.nth(i).bounding_box() for i in (10, 20)]
    steps = [columns.nth(i).locator("..").get_attribute("href") for i in (10, 20)]
    (x, y), (other_x, _) = ((box["x"] + box["width"] / 2, box["y"] + 40) for box in places if box)
    run.mouse.move(x, y)
    run.mouse.down()
    expect(run).to_have_url(re.compile(f"{steps[0]}$"))
    # The strip has moved on meanwhile; the step counts that was pressed.
    run.mouse.move(other_x, y, steps=5)
    run.mouse.up()
    expect(run).to_have_url(re.compile(f"{steps[1]}$"))
    run.mouse.move(x, y)
    run.go_back()
    at(run, STEPS)


def test_a_step_that_the_strip_was_drawn_from_is_come_back_to(run: Page) -> None:
    run.keyboard.press("End")
    at(run, STEPS)
    now = run.locator("#strip .column.now .hit").bounding_box()
    assert now
    y = now["y"] + 40
    run.mouse.move(now["x"] + now["width"] / 2, y)
    run.mouse.down()
    for columns in (3, 6, 9):
        run.mouse.move(now["x"] - columns * now["width"], y)
    run.mouse.up()
    expect(run).not_to_have_url(re.compile(f"/{STEPS}$"))
    run.go_back()
    at(run, STEPS)


def test_the_track_of_the_whole_leads_anywhere_by_pointer_and_by_key(run: Page) -> None:
    track = run.get_by_role("slider", name="Whole")
    expect(track).to_have_attribute("aria-valuetext", f"Step 0 of {STEPS}")
    box = track.bounding_box()
    assert box
    run.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(run.locator("#step")).to_have_value(re.compile("^6[0-9]$"))
    n = int(run.locator("#step").input_value())
    expect(track).to_have_attribute("aria-valuetext", f"Step {n} of {STEPS}")
    track.press("ArrowRight")
    at(run, n + 1)
    track.press("End")
    at(run, STEPS)
    expect(track).to_be_focused()


def test_without_scripts_links_and_forms_lead_everywhere(browser: Browser, run: Page, server: Server) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=run.context.storage_state()
    )
    page = context.new_page()
    page.goto(run.url)
    page.get_by_role("link", name="Step", exact=True).click()
    at(page, 1)
    page.locator(".step > a", has_text="rare").click()
    at(page, 3)
    page.get_by_role("link", name="Next rare").click()
    at(page, 125)
    page.locator("#step").fill("7")
    page.locator("#step").press("Enter")
    at(page, 7)
    page.get_by_role("slider", name="Whole").fill("99")
    page.locator("#overview").get_by_role("button", name="Go").click()
    at(page, 99)
    expect(page.locator("#play")).to_be_hidden()
    context.close()


def test_on_a_phone_the_buttons_step_and_nothing_is_wider_than_the_screen(run: Page) -> None:
    run.set_viewport_size({"width": 390, "height": 844})
    run.get_by_role("link", name="Step", exact=True).click()
    at(run, 1)
    run.get_by_role("link", name="Last step").click()
    at(run, STEPS)
    run.locator("#play").click()
    expect(run.locator("#following")).to_be_visible()
    expect(run.locator("#following")).to_be_in_viewport()
    assert run.evaluate("document.documentElement.scrollWidth") == 390
