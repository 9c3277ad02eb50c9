"""Seeks and breakpoints, by keyboard and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from events.models import Log
from projections.jobs import queue
from projections.models import Job, JobStatus
from projections.replay.seek import job as seeking
from tests.support.api_agent import Agent
from tests.support.server import Server


@pytest.fixture
def replay(admin_page: Page, agent: Agent, log: Log) -> Page:
    """Twelve steps; each third is a payment, and the balance is below zero at step 8 alone."""
    for n in range(1, 13):
        agent.append("till-1", {"type": "Sold" if n % 3 else "Paid", "data": {"balance": -1 if n == 8 else n}})
    admin_page.goto(f"/logs/{log.name}/replay/stream/till-1/1")
    admin_page.wait_for_load_state()
    return admin_page


def at(page: Page, n: int) -> None:
    expect(page.locator('[aria-current="step"] .n')).to_have_text(str(n))
    expect(page).to_have_url(re.compile(rf"/{n}(\?|$)"))


def test_one_writes_a_condition_and_runs_to_it_and_on(replay: Page) -> None:
    replay.keyboard.press("/")
    replay.keyboard.type("state.balance<0")
    replay.keyboard.press("Enter")
    at(replay, 8)
    expect(replay.get_by_label("Run to", exact=True)).to_have_value("state.balance<0")
    replay.keyboard.press("/")
    replay.keyboard.press("Enter")
    expect(replay.locator("#seek-said")).to_have_text("Searched 4 steps, 9 to 12: none fits.")
    at(replay, 8)
    replay.reload()
    expect(replay.locator("#seek-said")).to_have_text("Searched 4 steps, 9 to 12: none fits.")


def test_b_sets_a_breakpoint_on_the_type_and_takes_it_away(replay: Page) -> None:
    replay.keyboard.press("End")
    at(replay, 12)
    replay.keyboard.press("b")
    chips = replay.get_by_role("list", name="Breakpoints").get_by_role("listitem")
    expect(chips).to_have_text(["type:Paid"])
    expect(replay.locator(".step[data-break]")).to_have_count(4)
    expect(replay.locator("#strip .break")).to_have_count(4)
    replay.get_by_role("link", name="Back", exact=True).press("Enter")
    at(replay, 9)
    replay.keyboard.press("c")
    at(replay, 12)
    replay.keyboard.press("c")
    expect(replay.locator("#seek-said")).to_have_text("There is no step after this one.")
    replay.keyboard.press("b")
    expect(chips).to_have_count(0)
    expect(replay.locator(".step[data-break]")).to_have_count(0)


def test_a_query_that_cant_be_read_says_so_and_stays_written(replay: Page) -> None:
    replay.keyboard.press("/")
    replay.keyboard.type("tpye:Paid")
    replay.keyboard.press("Enter")
    expect(replay.get_by_role("alert")).to_contain_text("there is no field 'tpye'")
    expect(replay.get_by_label("Run to", exact=True)).to_have_value("tpye:Paid")
    at(replay, 1)


def test_a_long_search_can_be_cancelled_and_leads_to_the_step_when_it_is_done(
    admin_page: Page, agent: Agent, log: Log
) -> None:
    """A stream of more events than a page folds. The test is the worker."""
    for n in range(0, 1_500, 100):
        agent.append("till-2", *[{"type": "Sold", "data": {"balance": 1 - (n + i == 1_450)}} for i in range(100)])
    admin_page.goto(f"/logs/{log.name}/replay/stream/till-2/1")
    admin_page.wait_for_load_state()
    admin_page.keyboard.press("/")
    admin_page.keyboard.type("state.balance:0")
    admin_page.keyboard.press("Enter")
    message = admin_page.locator("#seek-said")
    expect(message).to_contain_text("Searching.")
    message.get_by_role("button", name="Cancel").press("Enter")
    expect(message).to_contain_text("The search was cancelled.")
    message.get_by_role("link", name="Search again").press("Enter")
    expect(message).to_contain_text("Searching.")
    job = Job.objects.filter(log_id=log.pk, kind=seeking.SEEK).latest("pk")
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, attempt=1)
    queue.do(Job.objects.get(pk=job.pk))
    expect(admin_page.locator('[aria-current="step"] .n')).to_have_text("1,451")
    expect(admin_page).to_have_url(re.compile(r"/1451\?to="))
    expect(message).to_have_count(0)


def test_one_runs_to_a_step_and_breaks_without_scripts(browser: Browser, replay: Page, server: Server) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=replay.context.storage_state()
    )
    page = context.new_page()
    page.goto(replay.url)
    page.get_by_label("Run to", exact=True).fill("type:Paid")
    page.get_by_label("Run to", exact=True).press("Enter")
    at(page, 3)
    page.get_by_role("button", name="Next").click()
    at(page, 6)
    page.get_by_role("button", name="Previous").click()
    at(page, 3)
    page.get_by_role("link", name="Next Paid").click()
    at(page, 6)
    page.get_by_role("button", name="Break", exact=True).click()
    expect(page.get_by_role("list", name="Breakpoints")).to_contain_text("type:Paid")
    page.get_by_role("link", name="Continue").click()
    at(page, 9)
    page.get_by_role("link", name="Remove the breakpoint").click()
    expect(page.get_by_role("list", name="Breakpoints")).to_have_count(0)
    context.close()
