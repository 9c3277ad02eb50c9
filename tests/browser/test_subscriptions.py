"""The pages of subscriptions in a browser: they follow by themselves; people act by keyboard, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log, Subscription
from tests.support.accessibility import findings_at_each_width
from tests.support.api_agent import Agent
from tests.support.server import Server
from tests.support.subscriptions import make_breaker, make_consumer, make_delivery, make_letter, make_subscription


@pytest.fixture
def full(agent: Agent, log: Log) -> Subscription:
    """A subscription whose window is full: two deliveries of `stuck` are the oldest."""
    agent.append("order-1", *({"type": "order.placed"} for _ in range(6)))
    work = make_subscription(log, max_in_flight=3, read_to=4)
    for position, consumer in ((1, "stuck"), (2, "stuck"), (3, "other")):
        make_delivery(work, position, consumer=consumer, waiting=int(position == 1))
    return work


def test_the_list_follows_while_live_is_on(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/subscriptions/")
    expect(admin_page.get_by_role("heading", name="No subscriptions yet")).to_be_visible()
    make_subscription(log, name="first")
    first = admin_page.get_by_role("row", name=re.compile("first"))
    expect(first).to_be_visible()
    live = admin_page.get_by_role("switch", name="Live")
    admin_page.keyboard.press("l")
    expect(live).not_to_be_checked()
    make_subscription(log, name="second")
    second = admin_page.get_by_role("row", name=re.compile("second"))
    admin_page.wait_for_function("new Promise(done => setTimeout(done, 2500))")  # longer than an open page waits
    expect(second).to_have_count(0)
    admin_page.keyboard.press("l")
    expect(second).to_be_visible()
    admin_page.keyboard.press("j")
    expect(first.get_by_role("link", name="first")).to_be_focused()
    admin_page.keyboard.press("o")
    expect(admin_page.get_by_role("heading", name="first", level=1)).to_be_visible()


def test_ages_and_deadlines_run_without_a_request(admin_page: Page, log: Log, full: Subscription) -> None:
    admin_page.goto(f"/logs/{log.name}/subscriptions/work")
    admin_page.keyboard.press("l")
    held = admin_page.locator("#f-1").locator("xpath=ancestor::tr").locator("time").first
    bar = admin_page.locator("progress").first.evaluate("bar => bar.value")
    seconds = int(held.inner_text().removesuffix(" s"))
    expect(held).to_have_text(f"{seconds + 2} s")
    assert 0 < admin_page.locator("progress").first.evaluate("bar => bar.value") < bar


def test_what_a_consumer_holds_is_released_by_keyboard(admin_page: Page, log: Log, full: Subscription) -> None:
    admin_page.goto(f"/logs/{log.name}/subscriptions/work")
    expect(admin_page.get_by_text("Window full: 3 of 3, oldest held by stuck")).to_be_visible()
    opener = admin_page.get_by_role("link", name="Release its 2… of stuck")
    opener.press("Enter")
    dialog = admin_page.get_by_role("dialog", name="Release what stuck holds?")
    reason = dialog.get_by_label("Reason")
    expect(reason).to_be_focused()
    reason.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    reason.fill("it hangs")
    reason.press("Control+Enter")
    expect(admin_page.locator(".said.success")).to_contain_text("2 deliveries are released")
    expect(admin_page.locator("#f-1")).to_have_count(0)
    expect(admin_page.locator("#f-3")).to_be_visible()


def test_keys_act_on_the_row_or_on_the_page(admin_page: Page, log: Log, full: Subscription) -> None:
    make_letter(full, 4)
    at = f"**/logs/{log.name}/"
    admin_page.goto(f"/logs/{log.name}/subscriptions/work")
    admin_page.keyboard.press("r")
    dialog = admin_page.get_by_role("dialog")
    expect(dialog).to_be_hidden()
    for keys, words in (("p", "Pause work?"), ("jr", "Release #1?")):
        for key in keys:
            admin_page.keyboard.press(key)
        expect(dialog.get_by_role("heading", name=words)).to_be_visible()
        admin_page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    admin_page.keyboard.press("Shift+R")
    admin_page.wait_for_url(f"{at}subscriptions/work/rewind")
    admin_page.goto(f"/logs/{log.name}/subscriptions/")
    for key in "jd":
        admin_page.keyboard.press(key)
    admin_page.wait_for_url(f"{at}dead-letters/?subscription=work")


def test_a_subscription_that_ends_says_so_on_its_open_page(admin_page: Page, log: Log, full: Subscription) -> None:
    admin_page.goto(f"/logs/{log.name}/subscriptions/work")
    Subscription.objects.filter(log=log).delete()
    expect(admin_page.get_by_role("heading", name="This subscription has ended")).to_be_visible()


def test_without_scripts_everything_is_a_link_or_a_form(
    browser: Browser, server: Server, admin_page: Page, log: Log, full: Subscription
) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=admin_page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/subscriptions/")
    expect(page.get_by_role("switch")).to_have_count(0)
    page.get_by_role("link", name="See who holds what of work").click()
    page.get_by_role("link", name="Pause…").click()
    page.get_by_label("Reason").fill("too fast")
    page.get_by_role("button", name="Pause work").click()
    expect(page.get_by_text("Paused: nothing is delivered until it is resumed.")).to_be_visible()
    page.get_by_role("link", name="Rewind…").click()
    page.get_by_label("Position after which it goes on").fill("2")
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("button", name="Rewind 2 events").click()
    expect(page.locator(".said.success")).to_contain_text("goes on after #2")
    context.close()


def test_the_pages_have_no_findings_whatever_they_hold(themed: Page, log: Log, agent: Agent) -> None:
    agent.append("s" * 200, *({"type": "T" * 200} for _ in range(30)))
    work = make_subscription(log, name="n" * 63, query="type:" + "T" * 200, max_in_flight=20, read_to=28)
    for position in range(1, 21):
        make_delivery(work, position, key="k" * (580 + position), consumer="c" * 200, waiting=position * 1_000_000)
    for position, state in ((21, 2), (22, 3), (23, 0), (24, 4)):
        make_delivery(work, position, key=f"{'key ' * 40}{position}", state=state, waiting=1)
    make_letter(work, 22)
    Subscription.objects.filter(log=log).update(breaker={"failures": 12, "of": 20, "minimum": 6, "pause": 60})
    for consumer in ("", "c" * 200, "d" * 200):
        make_breaker(work, consumer)
    make_consumer(work, "c" * 200, agent="a" * 200)
    make_subscription(log, name="paused", is_paused=True, pause_reason="r" * 200, read_to=3)
    make_subscription(log, name="at-rest", read_to=30)
    at = f"/logs/{log.name}/subscriptions/"
    acts = ("", "/settings", "/pause", "/rewind", "/rewind?position=3")
    releases = ("/release?position=1", "/release?consumer=" + "c" * 200)
    wrong = {}
    pages = ("", "../make-subscription", "?show=paused", "paused", "at-rest")
    for path in (*pages, *(f"{'n' * 63}{act}" for act in (*acts, *releases))):
        themed.goto(at + path)
        wrong[path] = findings_at_each_width(themed)
    assert not any(wrong.values()), wrong
