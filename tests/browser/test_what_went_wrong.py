"""From the page of a run to the step where it went wrong: six clicks or keys, and nothing is typed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Locator, Page, expect

from events.models import Log
from eventsite.demo.seeding import play_finished
from projections.catalog.collisions import collisions
from tests.support.commands import import_events
from tests.support.running import settle

DEMON_SLAYER = "Demon Slayer: Kimetsu no Yaiba - The Movie: Mugen Train"
QUESTION = "2dfc4c37-fec1-4518-84a7-10095d30ad75"


def in_a_thread(work: Callable[[], object]) -> None:
    """Playwright's event loop runs in the tests' own thread."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()


class Hands:
    """A page on which clicks and keys are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.moves = 0

    def click(self, target: Locator) -> None:
        self.moves += 1
        target.click()
        self.page.wait_for_load_state()  # until its modules listen

    def press(self, key: str) -> None:
        assert len(key) == 1
        self.moves += 1
        self.page.keyboard.press(key)


@pytest.fixture
def hands(admin_page: Page) -> Hands:
    return Hands(admin_page)


def at_step(page: Page, n: int) -> None:
    expect(page.locator('[aria-current="step"] .n')).to_have_text(str(n))


def replay(hands: Hands) -> None:
    hands.click(hands.page.get_by_role("link", name="Replay", exact=True))
    at_step(hands.page, 0)


@pytest.mark.parametrize("run", [f"workflows/{QUESTION}/", "streams/whowhen-hc-12/"])
def test_the_step_that_swapped_a_film_is_found(hands: Hands, log: Log, shared_data: Path, run: str) -> None:
    file = shared_data / "who-and-when" / "Hand-Crafted" / "12.json"
    in_a_thread(lambda: import_events(log, file, format="who-and-when"))
    page = hands.page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/logs/{log.name}/{run}")
    replay(hands)
    hands.press("]")
    at_step(page, 17)
    expect(page.locator(".findings summary")).to_have_text("2 faults")
    note = page.locator("#event .label-note", has_text="Domestic by Assistant")
    expect(note).to_contain_text(f"lacks {DEMON_SLAYER} and has Wonder Woman 1984 (number 11 there)")
    hands.click(note.get_by_role("link"))
    at_step(page, 17)
    swapped = page.locator("#state .tree-row.chg", has_text="Wonder Woman 1984")
    expect(swapped.locator(".old")).to_contain_text("Demon Slayer")
    expect(page.locator(".history .cur")).to_contain_text("Assistant")
    values = page.locator(".history .cur .vals bdi")
    can_be_read(values.filter(has_text=DEMON_SLAYER))
    can_be_read(values.filter(has_text="Wonder Woman 1984"))
    expect(swapped.locator(".old")).to_be_in_viewport()
    can_be_read(swapped.locator(".new"))
    assert hands.moves <= 6


def can_be_read(text: Locator) -> None:
    """Assert that no part of an element is scrolled away or cut off."""
    expect(text).to_be_in_viewport(ratio=1)


@pytest.fixture
def demo(log: Log) -> None:
    in_a_thread(lambda: play_finished(log))
    settle(log, collisions)


@pytest.mark.usefixtures("demo")
def test_the_page_of_a_run_says_what_went_wrong_and_leads_there(hands: Hands, log: Log) -> None:
    page = hands.page
    page.goto(f"/logs/{log.name}/workflows/order-1004/")
    hands.click(page.get_by_role("link", name="Lost update"))
    at_step(page, 4)
    expect(page.locator("#event")).to_contain_text("assignment.extended")
    hands.click(page.locator("#event .label-note").get_by_role("link"))
    expect(page.locator("#state .tree-row.del")).to_contain_text("order-1004")
    assert hands.moves == 2


@pytest.mark.parametrize(
    ("run", "wrong"),
    [("workflows/order-1004/", [4]), ("workflows/order-1003/", [7, 8]), ("streams/assignment-depot-2/", [4])],
)
@pytest.mark.usefixtures("demo")
def test_the_planted_lost_update_is_found(hands: Hands, log: Log, run: str, wrong: list[int]) -> None:
    page = hands.page
    page.goto(f"/logs/{log.name}/{run}")
    replay(hands)
    for step in wrong:  # in order-1003 a payment fails first
        hands.press("]")
        at_step(page, step)
    note = page.locator("#event .label-note")
    expect(note).to_contain_text("optimizer had read up to 37, before 43")
    hands.click(note.get_by_role("link"))
    at_step(page, 4)
    expect(page.locator("#event")).to_contain_text("assignment.reordered")
    lost = page.locator("#state .tree-row.del")
    expect(lost).to_contain_text("order-1004")
    assert hands.moves <= 6
