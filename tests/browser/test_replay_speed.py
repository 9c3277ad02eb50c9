"""Steps that are asked for faster than a server answers: each is shown in its turn, and complete."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from events.models import Log
from tests.support.api_agent import Agent

STEPS = 130
SHOWN = """() => {
  const shown = () => ({
    step: document.querySelector('.step [aria-current="step"] .n').textContent,
    box: document.getElementById("step").value,
    state: document.querySelector("#state .tree-row .v-n")?.textContent ?? "0",
    event: document.querySelector("#event .tree-row .v-n")?.textContent ?? "0",
    column: document.querySelector("#strip .column.now title")?.textContent.split(" ")[0] ?? "0",
    ahead: document.querySelectorAll(".step.ahead").length,
    head: document.querySelector("#strip .playhead").getAttribute("x"),
    middle: document.querySelector("#strip .column.now > svg")?.getAttribute("x") ?? "-100%",
  });
  window.shown = [shown()];
  new MutationObserver(() => {
    const now = shown();
    if (now.step !== window.shown.at(-1).step) window.shown.push(now);
    else window.shown[window.shown.length - 1] = now;
  }).observe(document.querySelector("main"), { childList: true, subtree: true, attributes: true });
}"""


@pytest.fixture
def long(admin_page: Page, agent: Agent, log: Log) -> Page:
    """A stream in which step n of 130 sets the state's `n` to n."""
    agent.append("count-1", *({"type": "Counted", "data": {"n": n}} for n in range(1, STEPS + 1)))
    admin_page.goto(f"/logs/{log.name}/replay/stream/count-1/0")
    admin_page.wait_for_load_state()
    admin_page.evaluate(SHOWN)
    return admin_page


def at(page: Page, n: int) -> None:
    expect(page.locator('.step [aria-current="step"] .n')).to_have_text(str(n))
    expect(page).to_have_url(re.compile(rf"/{n}$"))


def shown_steps(page: Page) -> list[int]:
    """The steps that were shown; each was the same step in every part of the page."""
    steps: list[dict[str, Any]] = page.evaluate("window.shown")
    for each in steps:
        n = each["step"]
        assert each == {**each, "box": n, "state": n, "event": n, "column": n}
        assert each["head"] == each["middle"]
    return [int(each["step"]) for each in steps]


def test_a_held_key_shows_every_step(long: Page) -> None:
    long.keyboard.down("ArrowRight")
    while not (reached := int(long.locator("#step").input_value())) >= 90:
        assert reached >= 0
        long.keyboard.down("ArrowRight")
    long.keyboard.up("ArrowRight")
    steps = shown_steps(long)
    assert steps == list(range(steps[-1] + 1))
    long.keyboard.down("ArrowLeft")
    while int(long.locator("#step").input_value()) > 70:
        long.keyboard.down("ArrowLeft")
    long.keyboard.up("ArrowLeft")
    turned = shown_steps(long)
    top = max(turned)
    assert turned == [*range(top + 1), *range(top - 1, turned[-1] - 1, -1)]


def test_letting_a_key_go_stops_at_once(long: Page) -> None:
    for _ in range(30):
        long.keyboard.down("ArrowRight")
    long.keyboard.up("ArrowRight")
    long.wait_for_function("() => document.querySelector('#step').value === window.shown.at(-1).step")
    reached = int(long.locator("#step").input_value())
    long.keyboard.press("ArrowRight")
    expect(long.locator("#step")).not_to_have_value(str(reached))
    assert int(long.locator("#step").input_value()) <= reached + 2


def test_presses_that_come_before_the_answers_are_all_taken(long: Page) -> None:
    for _ in range(45):
        long.keyboard.press("ArrowRight")
    at(long, 45)
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        long.keyboard.press(key)
    at(long, 42)
    assert shown_steps(long) == [*range(46), 44, 43, 44, 43, 42]


def test_back_leads_to_the_steps_pressed_and_not_to_those_run_through(long: Page) -> None:
    long.keyboard.press("ArrowRight")
    at(long, 1)
    long.keyboard.down("ArrowRight")
    while int(long.locator("#step").input_value()) < 6:
        long.keyboard.down("ArrowRight")
    long.keyboard.up("ArrowRight")
    long.keyboard.press("End")
    at(long, STEPS)
    long.go_back()
    expect(long).not_to_have_url(re.compile(rf"/{STEPS}$"))
    before = int(long.url.rpartition("/")[2])
    assert before >= 6
    at(long, before)
    long.go_back()
    at(long, 1)
    long.go_forward()
    at(long, before)


def test_an_answer_that_does_not_come_is_said_and_the_next_one_goes_on(long: Page) -> None:
    long.keyboard.press("ArrowRight")
    at(long, 1)

    def refuse(route: Route) -> None:
        route.abort()

    long.route("**/replay/**", refuse)
    for _ in range(20):  # beyond the steps that were asked for ahead
        long.keyboard.press("ArrowRight")
    expect(long.get_by_role("alert")).to_contain_text("The server can’t be reached")
    long.unroute("**/replay/**", refuse)
    reached = int(long.locator("#step").input_value())
    long.keyboard.press("ArrowRight")
    at(long, reached + 1)
    expect(long.get_by_role("alert")).to_have_count(0)


def held_to(page: Page, n: int) -> None:
    """Hold down the key of the next step until a step is shown, and release it."""
    page.keyboard.down("ArrowRight")
    while int(page.locator("#step").input_value()) < n:
        page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")


def test_back_at_once_after_a_hold_leads_to_where_the_address_says(long: Page) -> None:
    for n in (1, 2):
        long.keyboard.press("ArrowRight")
        at(long, n)
    # The address of a run is entered late, and its last step may still be on its way.
    held_to(long, 12)
    long.evaluate("history.back()")
    at(long, 2)
    long.wait_for_timeout(600)  # longer than an address is late
    at(long, 2)
    long.go_back()
    at(long, 1)


def test_back_from_another_page_leads_to_the_step_that_a_run_reached(long: Page) -> None:
    held_to(long, 12)
    long.evaluate("""() => {
        addEventListener("pagehide", () => (sessionStorage.n = document.getElementById("step").value));
        location.assign("../../../");
    }""")
    long.wait_for_url(re.compile(r"/logs/[^/]+/$"))
    n = int(long.evaluate("sessionStorage.n"))
    long.go_back()
    at(long, n)


def test_a_step_that_came_at_the_second_try_has_the_address(long: Page) -> None:
    long.keyboard.press("ArrowRight")
    at(long, 1)
    long.route(re.compile("step=50"), lambda route: route.abort(), times=1)
    long.locator("#step").fill("50")
    long.locator("#step").press("Enter")
    at(long, 50)
    long.go_back()
    at(long, 1)


def test_the_focus_stays_where_it_is_from_step_to_step(long: Page) -> None:
    long.keyboard.press("ArrowRight")
    at(long, 1)
    for part in ("a.pin", "a.why-of"):
        long.locator(f"#state .tree li {part}").focus()
        n = int(long.locator("#step").input_value())
        long.keyboard.press("ArrowRight")
        at(long, n + 1)
        expect(long.locator(f"#state .tree li {part}")).to_be_focused()
    long.keyboard.press("p")
    expect(long).to_have_url(re.compile("pin=%2Fn"))


def test_space_plays_where_a_step_was_clicked(long: Page) -> None:
    long.locator(".step > a").nth(5).click()
    at(long, 5)
    long.keyboard.press("Space")
    expect(long.locator("#play")).to_have_text("Pause")
