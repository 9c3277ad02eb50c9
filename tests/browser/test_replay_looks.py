"""The important parts of a replay are on the screen and readable."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from tests.support.api_agent import Agent
from tests.support.server import Server

OLD, NEW = "what was written here at first, and at length", "what stands here now, which is as long as that"
LONG = "a-name-that-takes-most-of-the-row-it-stands-in"
PLACES = 12
LAST = 60


@pytest.fixture
def replay(admin_page: Page, agent: Agent, log: Log) -> str:
    """A stream of sixty steps; the last changes a value with a long name. The address of its replay, without a step."""
    places = {f"place-{n}": n for n in range(PLACES)}
    steps = [{"data": {**places, LONG: OLD, "": n}} for n in range(1, LAST)]
    agent.append("long-1", *steps, {"data": {LONG: NEW}})
    admin_page.set_viewport_size({"width": 1366, "height": 700})
    return f"/logs/{log.name}/replay/stream/long-1/"


def test_without_scripts_the_current_step_is_in_view(
    browser: Browser, admin_page: Page, replay: str, server: Server
) -> None:
    state = admin_page.context.storage_state()
    context = browser.new_context(base_url=server.url, java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{replay}50")
    expect(page.locator('.step > a[aria-current="step"]')).to_be_in_viewport()
    context.close()


def test_with_scripts_nothing_has_the_focus_at_first(admin_page: Page, replay: str) -> None:
    admin_page.goto(f"{replay}50")
    expect(admin_page.locator('.step > a[aria-current="step"]')).to_be_in_viewport()
    assert admin_page.evaluate("document.activeElement === document.body")


def test_a_dozen_pins_leave_room_for_the_state(admin_page: Page, replay: str) -> None:
    pins = "&".join(f"pin=/place-{n}" for n in range(PLACES))
    admin_page.goto(f"{replay}{LAST}?{pins}")
    strip, pane = admin_page.locator("#strip").bounding_box(), admin_page.locator("#state").bounding_box()
    assert strip
    assert pane
    assert strip["height"] <= 0.3 * 700 + 1
    assert pane["height"] >= 200
    expect(admin_page.locator("#state .tree-row.chg")).to_be_in_viewport()


def test_a_changed_value_can_be_read_however_long_its_name_is(admin_page: Page, replay: str) -> None:
    admin_page.goto(f"{replay}{LAST}")
    row = admin_page.locator("#state .tree-row.chg")
    for text in (LONG, OLD, NEW):
        expect(row.get_by_text(text)).to_be_in_viewport(ratio=1)
    cut = "parts => parts.some(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)"
    assert not row.locator(".kvp, .kvp *").evaluate_all(cut)


def test_the_step_that_is_compared_with_is_marked(admin_page: Page, replay: str) -> None:
    admin_page.goto(f"{replay}{LAST}?from=58")
    expect(admin_page.locator(".step.other .n")).to_have_text("58")
    expect(admin_page.locator(".strip-svg .other")).to_have_count(1)
    admin_page.goto(f"{replay}3?from=0")
    expect(admin_page.locator(".step.other .n")).to_have_text("0")


def test_a_phone_says_what_is_replayed(admin_page: Page, replay: str, log: Log) -> None:
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.goto(f"{replay}1")
    expect(admin_page.locator(".head").get_by_text("long-1")).to_be_in_viewport(ratio=1)
    admin_page.goto(f"/logs/{log.name}/replay/log/1")
    expect(admin_page.locator(".head").get_by_text("the whole log")).to_be_in_viewport(ratio=1)
    seek = admin_page.locator(".seek").bounding_box()
    assert seek
    assert seek["height"] <= 100


def test_on_a_phone_the_event_follows_the_strip_and_a_switch_leads_to_the_other_panes(
    admin_page: Page, replay: str
) -> None:
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.goto(f"{replay}{LAST}")
    expect(admin_page.locator("#event .datatree").first).to_be_in_viewport()
    admin_page.get_by_text("State", exact=True).first.click()
    expect(admin_page.locator("#state .tree-row.chg")).to_be_in_viewport()
    expect(admin_page.locator("#event")).to_be_hidden()
    admin_page.get_by_role("radio", name="State").press("ArrowLeft")
    expect(admin_page.locator('.step > a[aria-current="step"]')).to_be_in_viewport()
    # A step keeps the chosen part, and the transport hides nothing at the end of the page.
    admin_page.get_by_role("link", name="Step back").click()
    expect(admin_page.locator("#step")).to_have_value(str(LAST - 1))
    expect(admin_page.get_by_role("radio", name="Steps")).to_be_checked()
    admin_page.get_by_role("radio", name="Steps").press("ArrowRight")
    admin_page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    last, transport = (admin_page.locator(each).bounding_box() for each in ("#state .about", ".transport"))
    assert last
    assert transport
    assert last["y"] + last["height"] <= transport["y"]


def test_the_formats_of_a_step_are_copied_by_their_names(admin_page: Page, replay: str) -> None:
    admin_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin_page.goto(f"{replay}{LAST}")
    admin_page.get_by_text("Copy step").press("Enter")
    admin_page.get_by_role("button", name="Markdown").press("Enter")
    expect(admin_page.get_by_role("button", name="Copied")).to_be_visible()
    assert NEW in admin_page.evaluate("navigator.clipboard.readText()")
    expect(admin_page.get_by_role("link", name="Open it as JSON")).to_have_attribute(
        "href", re.compile(r"\?format=json$")
    )


def test_a_long_text_of_an_event_is_shown_whole_in_its_place(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("run-1", {"data": {"text": "word " * 1_000}})
    admin_page.goto(f"/logs/{log.name}/replay/stream/run-1/1?pin=%2Ftext")
    rest = admin_page.locator("#event").get_by_role("link", name="Show the rest")
    rest.press("Enter")
    expect(rest).to_have_count(0)
    expect(admin_page.locator("#event pre")).to_contain_text("word " * 1_000)


def test_a_long_text_of_the_metadata_is_shown_whole_in_its_place(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("run-1", {"metadata": {"prompt": "word " * 1_000}})
    admin_page.goto(f"/logs/{log.name}/replay/stream/run-1/1")
    metadata = admin_page.locator("#event details.more-of").filter(has_text="Metadata")
    metadata.get_by_text("Metadata", exact=True).press("Enter")
    rest = metadata.get_by_role("link", name="Show the rest")
    rest.press("Enter")
    expect(rest).to_have_count(0)
    expect(metadata.locator("pre")).to_contain_text("word " * 1_000)
