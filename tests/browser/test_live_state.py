"""The states of the live timeline (paused, behind, cut off), their announcements, and their addresses."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from events.models import Log, Member
from tests.support.api_agent import Agent
from tests.support.browser_rows import ROWS, positions, scroll_away
from tests.support.server import Server


def pause(page: Page) -> None:
    page.keyboard.press("l")
    expect(page.get_by_text("Paused at")).to_be_visible()


def test_a_paused_page_has_the_address_of_what_it_shows(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1", {}, {})
    expect(admin_page.locator(ROWS)).to_have_count(2)
    plain = admin_page.url
    pause(admin_page)
    assert admin_page.url == f"{plain}?before=3"
    agent.append("order-1", {})
    expect(admin_page.locator("#paused-count")).to_have_text("1 new event waits; no event is lost.")
    admin_page.reload()
    assert positions(admin_page) == [2, 1]
    expect(admin_page.get_by_text("This page shows")).to_be_visible()
    expect(admin_page.locator("#head-now")).to_have_text("#3")
    agent.append("order-1", {})
    expect(admin_page.locator("#head-now")).to_have_text("#4")
    admin_page.keyboard.press("l")
    expect(admin_page.locator(ROWS)).to_have_count(4)
    expect(admin_page).to_have_url(plain)


def test_resuming_gives_the_page_its_plain_address_back(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1", {"type": "A"})
    admin_page.goto(f"{admin_page.url}?q=type%3AA")
    plain = admin_page.url
    pause(admin_page)
    assert admin_page.url == f"{plain}&before=2"
    admin_page.get_by_role("button", name="Resume").press("Enter")
    expect(admin_page.locator("#paused")).to_be_hidden()
    assert admin_page.url == plain


def test_a_long_pause_ends_in_the_newest_rows_and_an_exact_gap(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    pause(admin_page)
    for _ in range(3):
        agent.append("order-1", *[{}] * 1_000)
    expect(admin_page.locator("#paused-count")).to_have_text("3,000 new events wait; no event is lost.")
    assert positions(admin_page) == [1]
    admin_page.keyboard.press("l")
    expect(admin_page.locator(ROWS)).to_have_count(101)
    assert positions(admin_page) == [*range(3_001, 2_901, -1), 1]
    gap = admin_page.get_by_role("link", name="2,900 not shown")
    gap.press("Enter")
    expect(admin_page.get_by_text("This page shows #2,802 to #2,901.")).to_be_visible()
    assert positions(admin_page) == list(range(2_901, 2_801, -1))


def test_rows_that_came_meanwhile_are_fetched_on_the_way_back(admin_page: Page, agent: Agent) -> None:
    scroll_away(admin_page, agent)
    agent.append("order-1", {}, {})
    expect(admin_page.get_by_role("button", name="2 new")).to_be_visible()
    admin_page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    expect(admin_page.locator(ROWS)).to_have_count(62)
    agent.append("order-1", {})
    expect(admin_page.locator(ROWS)).to_have_count(63)
    assert positions(admin_page) == list(range(63, 0, -1))


def test_a_page_near_its_head_stays_at_the_head(admin_page: Page, agent: Agent) -> None:
    scroll_away(admin_page, agent)
    admin_page.evaluate("scrollTo({ top: 20, behavior: 'instant' })")
    for count in (61, 62, 63):
        agent.append("order-1", {})
        expect(admin_page.locator(ROWS)).to_have_count(count)
    assert admin_page.evaluate("scrollY") == 20


def test_two_pages_are_live_and_pause_on_their_own(admin_page: Page, agent: Agent) -> None:
    other = admin_page.context.new_page()
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    other.goto(admin_page.url)
    pause(other)
    agent.append("order-1", {})
    expect(admin_page.locator(ROWS)).to_have_count(2)
    expect(other.locator("#paused-count")).to_have_text("1 new event waits; no event is lost.")
    other.close()


def test_a_session_that_ended_is_asked_to_sign_in_again(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    admin_page.context.clear_cookies()
    pause(admin_page)
    expect(admin_page.locator("#live-state")).to_have_text("You are signed out. Sign in again")
    assert positions(admin_page) == [1]
    admin_page.get_by_role("link", name="Sign in again").press("Enter")
    expect(admin_page).to_have_url(re.compile(r"/login/\?next="))


def test_a_former_member_is_told_so(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    Member.objects.filter(log=log).delete()
    pause(admin_page)
    expect(admin_page.locator("#live-state")).to_have_text("You may no longer read this log.")


@pytest.mark.parametrize("path", ["", "streams/"])
def test_a_page_that_is_one_live_page_too_many_says_so_and_comes_back(admin_page: Page, log: Log, path: str) -> None:
    is_full = True

    def answer(socket: WebSocketRoute) -> None:
        if is_full:
            socket.close(code=4429, reason="You have 100 live pages open: close some.")
        else:
            socket.connect_to_server()

    admin_page.clock.install()
    admin_page.route_web_socket("**/ws/logs/**", answer)
    admin_page.goto(f"/logs/{log.name}/{path}")
    words = admin_page.locator("#live-state")
    expect(words).to_have_text("You have too many live pages: this page becomes live when you close some.")
    is_full = False
    admin_page.clock.fast_forward(15_000)
    expect(words).to_be_hidden()


def test_every_page_says_that_its_reader_is_no_longer_a_member(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/streams/")
    Member.objects.filter(log=log).delete()
    expect(admin_page.locator("#live-state")).to_have_text("You may no longer read this log.")


def test_announcements_are_silent_at_first_and_add_up(admin_page: Page, agent: Agent) -> None:
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    admin_page.reload()
    admin_page.wait_for_load_state()
    region = admin_page.locator("#announce")
    admin_page.evaluate(
        """() => {
            const said = { times: 0, events: 0 };
            new MutationObserver(() => {
                said.times += 1;
                said.events += parseInt(announce.textContent);
                Object.assign(document.body.dataset, said);
            }).observe(announce, { childList: true });
        }"""
    )
    expect(region).to_have_text("")
    # Events come more often than announcements: an announcement must not wait for silence, nor be made for each event.
    for _ in range(12):
        agent.append("order-1", {}, {})
        admin_page.wait_for_timeout(200)
    expect(admin_page.locator(ROWS)).to_have_count(25)
    expect(admin_page.locator("body")).to_have_attribute("data-events", "24")
    assert 2 <= int(admin_page.locator("body").get_attribute("data-times") or 0) <= 6


SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def test_markup_in_a_live_row_is_text(admin_page: Page, agent: Agent) -> None:
    dialogs: list[str] = []
    admin_page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    agent.append("order-1")
    expect(admin_page.locator(ROWS)).to_have_count(1)
    hostile = dict.fromkeys(("type", "agent", "id", "correlation_id", "causation_id"), SCRIPT)
    agent.append(f"s-{SCRIPT}", {**hostile, "data": {SCRIPT: SCRIPT}, "metadata": {SCRIPT: SCRIPT}})
    expect(admin_page.locator(ROWS)).to_have_count(2)
    row = admin_page.locator(".event-item").first
    for part in (".type", ".stream", ".agent", ".sum"):
        expect(row.locator(part).first).to_contain_text("alert(2)")
    assert admin_page.locator("#rows img, #rows script").count() == 0
    assert dialogs == []


def test_other_pages_count_what_is_newer_in_their_stream(admin_page: Page, agent: Agent, log: Log) -> None:
    agent.append("order-1", {})
    for path in (f"/logs/{log.name}/streams/order-1/", f"/logs/{log.name}/events/1"):
        admin_page.goto(path)
        link = admin_page.get_by_role("link", name="in this stream")
        expect(link).to_have_count(0)
        agent.append("order-2", {})
        agent.append("order-1", {}, {})
        expect(link).to_have_text("2 newer events in this stream")
        agent.append("order-1", {})
        expect(link).to_have_text("3 newer events in this stream")
        link.press("Enter")
        expect(admin_page).to_have_url(re.compile(r"/streams/order-1/$"))
        expect(link).to_have_count(0)


def test_other_pages_say_that_they_are_cut_off_and_count_on(
    admin_page: Page, agent: Agent, server: Server, log: Log
) -> None:
    agent.append("order-1", {})
    admin_page.goto(f"/logs/{log.name}/streams/order-1/")
    newer = admin_page.locator("[data-newer]")
    agent.append("order-1", {})
    expect(newer).to_contain_text("1 newer event in this stream")
    server.kill()
    expect(newer).to_contain_text("Reconnecting…")
    server.start()
    agent.append("order-1", {})
    expect(newer).to_contain_text("2 newer events in this stream")
    expect(newer).not_to_contain_text("Reconnecting…")


def test_without_javascript_pages_are_whole_and_promise_nothing(
    browser: Browser, admin_page: Page, agent: Agent, server: Server, log: Log
) -> None:
    agent.append("order-1", *[{}] * 150)
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=admin_page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/")
    expect(page.locator(ROWS)).to_have_count(100)
    for control in ("#live", "#pill", "#paused"):
        expect(page.locator(control)).to_be_hidden()
    page.get_by_role("link", name="Older than").click()
    expect(page.locator(ROWS)).to_have_count(50)
    page.get_by_role("link", name="Back to live").click()
    expect(page.locator(ROWS)).to_have_count(100)
    page.locator(ROWS).first.click()
    expect(page.get_by_role("link", name="in this stream")).to_have_count(0)
    context.close()
