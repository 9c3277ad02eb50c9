"""Playing a replay: at a speed, as it was recorded, and on to events of the future."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from events.models import Log
from projections.catalog.orders import orders
from tests.support.api_agent import Agent
from tests.support.running import settle
from tests.support.server import Server

START = "2026-03-01T09:00:00Z"
TIMES = ("09:00:00", "09:00:01.5", "12:12:01.5", "12:12:02", "12:12:02")
"""The gaps are 1.5 seconds, 3 h 12 min, half a second and none."""


def at(page: Page, n: int) -> None:
    expect(page.locator('.step [aria-current="step"] .n')).to_have_text(str(n))


@pytest.fixture
def open_step(admin_page: Page, log: Log) -> Callable[[str], Page]:
    def open_step(path: str) -> Page:
        admin_page.goto(f"/logs/{log.name}/replay/{path}")
        admin_page.wait_for_load_state()
        return admin_page

    return open_step


@pytest.fixture
def recorded(admin_page: Page, agent: Agent, log: Log) -> Page:
    """Step 1 of five, whose times are `TIMES`; the clock of the page stands still."""
    events: list[dict[str, Any]] = [{"occurred_at": f"2026-03-01T{time}Z", "data": {"at": time}} for time in TIMES]
    agent.append("run-1", *events)
    admin_page.clock.install(time=START)
    admin_page.goto(f"/logs/{log.name}/replay/stream/run-1/1")
    admin_page.wait_for_load_state()
    admin_page.clock.pause_at("2026-03-01T10:00:00Z")
    return admin_page


def pass_until(page: Page, n: int) -> None:
    """Let a step that is due be shown: the page also waits for things that its clock does not count."""
    for _ in range(400):
        page.clock.run_for(1)
        if page.locator("#step").input_value() == str(n):
            break
    at(page, n)
    page.clock.run_for(50)  # until the step is painted and the wait for the next begins


def test_playing_stops_where_something_went_wrong_and_goes_on_from_there(
    open_step: Callable[[str], Page], agent: Agent
) -> None:
    kinds = ("Placed", "Paid", "ShippingFailed", "Packed", "Shipped")
    agent.append(
        "order-1", *({"type": kind, "data": {"error": "no van"} if "Failed" in kind else {}} for kind in kinds)
    )
    page = open_step("stream/order-1/0")
    page.keyboard.press("8")
    page.keyboard.press("Space")
    at(page, 3)
    expect(page.locator("#play")).to_have_text("Play")
    expect(page.locator("#announce")).to_contain_text("Stopped at an error")
    page.keyboard.press("Space")
    at(page, 5)


def test_playing_stops_at_a_breakpoint(open_step: Callable[[str], Page], agent: Agent) -> None:
    agent.append("order-1", *({"type": kind} for kind in ("Placed", "Paid", "Packed", "Shipped")))
    page = open_step(f"stream/order-1/0?break={quote('type:Packed')}")
    page.keyboard.press("8")
    page.keyboard.press("Space")
    at(page, 3)
    expect(page.locator("#play")).to_have_text("Play")
    expect(page).to_have_url(re.compile(r"/3\?break="))


def test_there_are_eight_speeds_and_keys_choose_them(open_step: Callable[[str], Page], agent: Agent) -> None:
    agent.append("order-1", *({} for _ in range(3)))
    page = open_step("stream/order-1/0")
    speeds = page.locator("#speed button")
    expect(speeds).to_have_count(9)
    for number in range(1, 9):
        page.keyboard.press(str(number))
        expect(speeds.nth(number - 1)).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#speed [aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Recorded")).to_have_attribute("aria-pressed", "true")


def test_a_recorded_pace_waits_as_long_as_the_gap_but_at_most_two_seconds(recorded: Page) -> None:
    page = recorded
    page.keyboard.press("0")
    page.keyboard.press("Space")
    pass_until(page, 2)
    # The gap after step 2 is far too long: the page says so, and waits for two seconds.
    gap = page.locator("#gap")
    expect(gap).to_have_text("3 h 12 min later")
    page.clock.run_for(1800)
    at(page, 2)
    page.clock.run_for(200)
    pass_until(page, 3)
    expect(gap).to_have_text("3 h 12 min later")
    page.clock.run_for(300)
    at(page, 3)
    page.clock.run_for(200)
    pass_until(page, 5)  # through step 4, after which there is no gap
    expect(gap).to_be_hidden()


def test_idle_stretches_can_be_skipped(recorded: Page) -> None:
    page = recorded
    expect(page.locator("#idle")).to_be_hidden()
    page.keyboard.press("0")
    page.get_by_role("button", name="Skip idle").press("Enter")
    page.keyboard.press("Escape")
    page.locator("#play").press("Enter")
    pass_until(page, 3)
    expect(page.locator("#gap")).to_have_text("3 h 12 min later")


def test_stepping_pauses(recorded: Page) -> None:
    page = recorded
    page.keyboard.press("Space")
    pass_until(page, 2)
    expect(page.locator("#play")).to_have_text("Pause")
    page.keyboard.press("ArrowLeft")
    pass_until(page, 1)
    expect(page.locator("#play")).to_have_text("Play")
    page.clock.run_for(10_000)
    at(page, 1)


def test_text_in_a_field_stays_while_a_replay_plays(open_step: Callable[[str], Page], agent: Agent) -> None:
    agent.append("order-1", *({"data": {"n": n}} for n in range(12)))
    page = open_step("stream/order-1/0")
    page.keyboard.press("6")
    page.keyboard.press("Space")
    field = page.locator("#to")
    field.press_sequentially("type:Placed", delay=20)
    at(page, 12)
    expect(field).to_have_value("type:Placed")
    expect(field).to_be_focused()


SOURCES = ("stream/run-1/2", "workflow/job-1/2", "agent/router/2", "query/2?q=type%3ACounted", "log/2")


@pytest.mark.parametrize("source", SOURCES)
def test_at_the_end_it_follows_what_comes(source: str, open_step: Callable[[str], Page], agent: Agent) -> None:
    def count(*numbers: int) -> None:
        kind = {"type": "Counted", "agent": "router", "correlation_id": "job-1"}
        agent.append("run-1", *({**kind, "data": {"n": n}} for n in numbers))

    count(1, 2)
    page = open_step(source)
    page.keyboard.press("8")
    page.keyboard.press("Space")
    expect(page.locator("#following")).to_have_text("Following")
    count(3)
    at(page, 3)
    count(4, 5)
    at(page, 5)
    expect(page.locator("#state .val.new", has_text="5")).to_be_visible()
    # Of many steps only the newest is shown, with the number of those that were skipped.
    count(*range(6, 40))
    at(page, 39)
    expect(page.locator("#announce")).to_contain_text("at once")
    assert [int(n) for n in page.locator(".step .n").all_inner_texts()][-39:] == list(range(1, 40))
    page.keyboard.press("ArrowLeft")
    at(page, 38)
    expect(page.locator("#following")).to_be_hidden()
    count(40)
    page.keyboard.press("End")
    at(page, 39)


def test_a_replay_does_not_follow_events_of_other_sources(open_step: Callable[[str], Page], agent: Agent) -> None:
    agent.append("run-1", {})
    page = open_step("stream/run-1/1")
    page.keyboard.press("8")
    page.keyboard.press("Space")
    expect(page.locator("#following")).to_be_visible()
    agent.append("run-2", {}, {})
    agent.append("run-1", {"type": "Paid"})
    at(page, 2)
    expect(page.locator("#event h3")).to_have_text("Paid")


def test_playing_ends_with_a_kept_state_which_can_not_be_followed(
    open_step: Callable[[str], Page], agent: Agent, log: Log
) -> None:
    agent.append("order-1", *({"type": "order.placed"} for _ in range(3)))
    settle(log, orders)
    page = open_step("key/1?by=orders&name=order-1")
    page.keyboard.press("8")
    page.keyboard.press("Space")
    at(page, 3)
    expect(page.locator("#announce")).to_contain_text("This is the last step")
    expect(page.locator("#play")).to_have_text("Play")
    expect(page.locator("#following")).to_be_hidden()


def test_following_outlives_a_restart_of_the_server(
    open_step: Callable[[str], Page], agent: Agent, server: Server
) -> None:
    agent.append("run-1", {})
    page = open_step("stream/run-1/1")
    page.keyboard.press("8")
    page.keyboard.press("Space")
    expect(page.locator("#following")).to_have_text("Following")
    server.stop()
    expect(page.locator("#following")).to_have_text("Reconnecting…")
    server.start()
    agent.append("run-1", {"type": "Paid"})
    at(page, 2)
    expect(page.locator("#following")).to_have_text("Following")
