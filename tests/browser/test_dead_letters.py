"""Dead letters in a browser: chosen by keys, retried with a canary, opened in the replay debugger."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import DeadLetter, Log
from events.subscriptions.faults import failure
from tests.support.accessibility import findings_at_each_width
from tests.support.api_agent import Agent
from tests.support.commands import redact_event
from tests.support.dead_letters import acknowledge, bury, do_job
from tests.support.server import Server
from tests.support.subscriptions import make_subscription

TRACEBACK = """\
File "notifier/mail.py", line 88, in send
    raise Timeout
File "/usr/lib/python3.13/ssl.py", line 9, in read
"""
TIMEOUT = failure("Timeout", "no answer in 10 s", TRACEBACK)
LONG = failure("E" * 200, "m" * 3_000, TRACEBACK * 1_000)


@pytest.fixture
def letters(agent: Agent, log: Log) -> None:
    """Six letters of one fault in two keys that go on, and a large one with long names."""
    for order in ("order-1", "order-2"):
        agent.append(order, *[{"type": "Placed", "agent": "router", "data": {"amount": n}} for n in range(4)])
    make_subscription(log, query="data.amount>0", passes_dead_letters=True)
    bury(log, TIMEOUT, outcome="fail", all=True)
    long = "n" * 200
    agent.append(long, {"type": long, "agent": long, "correlation_id": long, "data": {"text": "x" * 88_000}})
    make_subscription(log, name="s" * 63, query=f"stream:{long}", max_attempts=1)
    bury(log, LONG, subscription="s" * 63, consumer=long)


@pytest.mark.usefixtures("letters")
def test_letters_are_chosen_by_keys_and_escalated(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/dead-letters/")
    rows = admin_page.get_by_role("checkbox", name=re.compile("Choose #"))
    expect(rows).to_have_count(6)
    admin_page.locator(".letter [data-row]").nth(1).focus()
    admin_page.keyboard.press("x")
    expect(rows.nth(1)).to_be_checked()
    admin_page.locator(".letter [data-row]").nth(3).focus()
    admin_page.keyboard.press("Shift+X")
    expect(admin_page.locator("[data-chosen]")).to_have_text("3 of 6 chosen")
    admin_page.keyboard.press("e")
    dialog = admin_page.get_by_role("dialog", name="3 letters: escalate them?")
    dialog.get_by_label("To").fill("mara")
    dialog.get_by_label("Note").press("Control+Enter")
    expect(admin_page.locator(".said.success")).to_contain_text("3 letters escalated")
    admin_page.get_by_role("link", name=re.compile("^Escalated")).press("Enter")
    expect(admin_page.locator(".letter")).to_have_count(3)
    expect(admin_page.locator(".letter").first).to_contain_text("escalated to mara")


def close_dialog(page: Page) -> None:
    """Close the open dialog, and wait for that: meanwhile keys are the dialog's."""
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.usefixtures("letters")
def test_keys_lead_to_letters_and_ask_about_faults(admin_page: Page, log: Log) -> None:
    page = admin_page
    page.goto(f"/logs/{log.name}/dead-letters/")
    live = page.get_by_role("switch", name="Live")
    page.keyboard.press("l")
    page.keyboard.press("Shift+R")  # nothing has the focus: it is about the open fault
    expect(page.get_by_role("dialog", name="6 letters, 2 keys: retry them?")).to_contain_text("Retry 6")
    close_dialog(page)
    page.locator(".fault").first.focus()
    page.keyboard.press("r")
    expect(page.get_by_role("dialog", name="6 letters, 2 keys: retry one first?")).to_contain_text("Retry 1, then 5")
    close_dialog(page)
    expect(page.locator(".fault").first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(page.get_by_role("dialog", name="1 letter: skip it?")).to_be_visible()
    close_dialog(page)
    page.locator(".fault").nth(1).focus()
    page.keyboard.press("d")
    expect(page.locator(".letter")).to_have_count(1)
    expect(live).not_to_be_checked()  # although its part of the page was replaced
    page.locator(".fault").first.focus()
    page.keyboard.press("d")
    expect(page.locator(".letter")).to_have_count(6)
    for key, letter in (("d", "work:8"), ("j", "work:7"), ("k", "work:8")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=letter)).to_be_visible()
        page.wait_for_load_state()  # until its modules listen
    page.keyboard.press("Shift+R")
    expect(page.get_by_role("heading", name="6 letters, 2 keys: retry one first?")).to_be_visible()
    page.keyboard.press("o")
    page.wait_for_url(f"**/logs/{log.name}/replay/stream/order-2/3?by=latest")


@pytest.mark.usefixtures("letters")
def test_the_rest_is_retried_when_the_canary_is_acknowledged(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/dead-letters/")
    admin_page.get_by_role("link", name=re.compile("Retry one first… work")).press("Enter")
    dialog = admin_page.get_by_role("dialog", name="6 letters, 2 keys: retry one first?")
    dialog.get_by_role("button", name="Retry 1, then 5").press("Enter")
    jobs = admin_page.get_by_role("region", name="Jobs")
    expect(jobs).to_contain_text("a worker counts them first")
    do_job(log)
    expect(jobs).to_contain_text("is retried, and not settled yet · 1 of 6")
    assert DeadLetter.objects.filter(log=log, state="retrying").count() == 1
    acknowledge(log)
    do_job(log)
    expect(jobs).to_have_count(0)
    expect(admin_page.get_by_role("link", name=re.compile("^Retrying 5"))).to_be_visible()
    assert DeadLetter.objects.filter(log=log, state="retrying").count() == 5


@pytest.mark.usefixtures("letters")
def test_a_letter_leads_to_the_state_that_its_consumer_saw(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/dead-letters/")
    admin_page.locator(".letter [data-row]", has_text="Placed").first.press("Enter")
    expect(admin_page.get_by_role("heading", name="work:8")).to_be_visible()
    admin_page.locator(".attempt > summary").first.press("Enter")
    expect(admin_page.get_by_label("Traceback of attempt 1")).to_contain_text("notifier/mail.py")
    state = admin_page.locator("#state-before")
    expect(state).to_contain_text("stream order-2, step 3")
    expect(state.locator(".tree .val")).to_have_text("2")
    admin_page.get_by_role("link", name="Open in replay").press("Enter")
    admin_page.wait_for_url(f"**/logs/{log.name}/replay/stream/order-2/3?by=latest")
    expect(admin_page.locator("#state .tree .val.new")).to_have_text("2")
    admin_page.go_back()
    admin_page.locator("#compare-now").press("Enter")
    admin_page.wait_for_url(re.compile(r"/replay/stream/order-2/4\?by=latest&from=3"))


@pytest.mark.usefixtures("letters")
def test_the_page_of_a_letter_says_what_has_become_of_it(admin_page: Page, log: Log) -> None:
    page = admin_page
    page.goto(f"/logs/{log.name}/dead-letters/work:2")
    state = page.locator("#letter-state")
    page.get_by_role("link", name="Escalate…").press("Enter")
    expect(page.get_by_role("textbox", name="To")).to_be_visible()
    page.get_by_label("Note").fill("not sent yet")
    DeadLetter.objects.filter(log=log, position=2).update(state="escalated", assigned_to="mara")
    page.wait_for_function("new Promise(done => setTimeout(done, 2500))")  # longer than an open page waits
    expect(page.get_by_label("Note")).to_have_value("not sent yet")
    page.get_by_label("Note").fill("")
    expect(page.get_by_text("escalated to")).to_be_visible()
    expect(
        page.get_by_role("textbox", name="To")
    ).to_be_visible()  # the decision is still the one that the reader chose
    page.get_by_role("link", name="Retry", exact=True).press("Enter")
    page.get_by_role("button", name="Retry 1").press("Enter")
    expect(state).to_have_text("Retrying")
    acknowledge(log)
    expect(state).to_have_text("Done")
    expect(page.locator("#announce")).to_have_text("Done")


@pytest.mark.usefixtures("letters")
def test_what_is_chosen_stays_while_the_page_follows_the_present(admin_page: Page, agent: Agent, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/dead-letters/")
    admin_page.clock.install()
    admin_page.goto(f"/logs/{log.name}/dead-letters/")
    box = admin_page.get_by_role("checkbox", name="Choose #8")
    box.check()
    agent.append("order-3", {"type": "Placed", "data": {"amount": 9}})
    bury(log, TIMEOUT, outcome="poison")
    admin_page.clock.run_for(20_000)
    expect(box).to_be_checked()
    expect(admin_page.locator(".letter")).to_have_count(6)
    box.uncheck()
    admin_page.clock.run_for(20_000)
    expect(admin_page.locator(".letter")).to_have_count(7)


@pytest.mark.usefixtures("letters")
def test_without_scripts_forms_decide(browser: Browser, server: Server, admin_page: Page, log: Log) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=admin_page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/dead-letters/")
    page.get_by_role("checkbox", name="Choose #8").check()
    page.get_by_role("button", name="Skip…").click()
    expect(page.get_by_role("heading", name="1 letter: skip it?")).to_be_visible()
    page.get_by_role("button", name="Skip 1").click()
    expect(page.locator(".said.success")).to_contain_text("1 letter skipped")
    page.get_by_role("link", name="Placed").first.click()
    page.get_by_role("link", name=re.compile("All like it")).click()
    page.get_by_role("link", name="Skip…").click()
    page.get_by_role("button", name="Skip 5").click()
    expect(page.get_by_text("5 letters skipped")).to_be_visible()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.usefixtures("letters")
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(
    browser: Browser, server: Server, admin_page: Page, log: Log, theme: str
) -> None:
    redact_event(log, 2)
    context = browser.new_context(
        base_url=server.url,
        color_scheme="dark" if theme == "dark" else "light",
        storage_state=admin_page.context.storage_state(),
        reduced_motion="reduce",
    )
    page = context.new_page()
    long = f"{'s' * 63}:9"
    for path in ("", f"?open={long}", "work:8", "work:8?for=alike&decision=escalate", "work:2", long):
        page.goto(f"/logs/{log.name}/dead-letters/{path}")
        assert findings_at_each_width(page) == {}, path
    page.goto(f"/logs/{log.name}/dead-letters/")
    page.get_by_role("link", name=re.compile("Retry one first…")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings_at_each_width(page) == {}
    context.close()
