"""axe finds no fault, and no page is wider than the screen: every page, light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from events.models import Log
from projections.catalog.agents import agents
from projections.catalog.counts import counts
from projections.catalog.lifecycle import lifecycle
from tests.support.accessibility import WIDTHS, findings, findings_at_each_width, reaches_beyond
from tests.support.api_agent import Agent
from tests.support.factories import make_log
from tests.support.running import settle

PAGES = (
    "", "?before=3", "?q=type:Nope", "?q=(agnet:x", "?q=order-1+-type:Nope", "?before=x",
    "events/1", "events/2", "events/3", "streams/", "streams/?prefix=nope",
    "streams/?order=name&category=order", "streams/?before=x", "streams/order-1/", "workflows/", "workflows/?before=1",
    "workflows/{workflow}/", "workflows/{workflow}/?order=log", "workflows/{workflow}/?after=99",
    "replay/stream/order-1/0", "replay/stream/order-1/2", "replay/stream/order-1/2?why=%2Fquantity&by=lifecycle",
    "replay/stream/order-1/1?why=%2Fquantity", "replay/log/3", "replay/workflow/{workflow}/3?by=collisions",
    "replay/stream/order-1/1?way=next&to=(&break=type:Placed&break=x:", "replay/log/3?way=next&to=type:Nope",
    "replay/stream/order-1/2?from=0&pin=%2Fquantity&pin=%2Fnone&open=all", "replay/stream/order-1/2?from=2&in=%2Flist",
    "replay/query/0?q=type:Nope", "tokens/", "connect/?framework=vercel-ai", "events/99", "streams/nope/",
    "workflows/nope/", "projections/", "projections/latest/", "projections/counts/", "projections/counts/rebuild",
    "projections/latest/states", "projections/latest/states?q=type:x", "projections/latest/states?prefix=nope",
    "projections/latest/state?key=order-1", "projections/latest/state?key=order-1&at_version=1&value=/quantity",
    "projections/latest/state?key=order-1&from=0", "projections/latest/state?key=order-1&at_version=9",
    "dead-letters/", "dead-letters/?q=type:Nope", "dead-letters/?state=done", "dead-letters/?after=x",
    "pause?agent=order-1", "resume?workflow={workflow}", "agents/", "agents/?prefix=nope", "agents/?before=x",
    "subscriptions/", "subscriptions/?show=nope", "subscriptions/nope",
)  # fmt: skip
WORKFLOW = "c" * 200
TRANSITIONS_END = """Promise.allSettled(
    document.getAnimations().filter(each => each instanceof CSSTransition).map(each => each.finished))"""


@pytest.fixture
def filled(agent: Agent) -> None:
    long = {"type": "T" * 200, "agent": "a" * 200, "correlation_id": WORKFLOW, "data": {"k" * 300: "v" * 5_000}}
    agent.append(
        "order-1",
        {"type": "Placed", "data": {"quantity": 2, "text": "word " * 2_000, "list": [{"deep": [1]}], "rtl": "שלום"}},
        {
            "type": "PaymentFailed",
            "data": {"error": "no", "quantity": None},
            "causation_id": "not-here",
            "correlation_id": WORKFLOW,
        },
    )
    agent.append("n" * 200, long)


@pytest.mark.usefixtures("filled")
def test_pages_have_no_findings(themed: Page, log: Log) -> None:
    wrong = {}
    for path in PAGES:
        themed.goto(f"/logs/{log.name}/{path.format(workflow=WORKFLOW)}")
        for width in WIDTHS:
            themed.set_viewport_size({"width": width, "height": 844})
            page_findings = findings(themed)
            for pane in themed.locator(".pane-switch label:visible").all():
                pane.click()
                page_findings += findings(themed)
            if reaches_beyond(themed):
                page_findings.append("reaches beyond the screen")
            if page_findings:
                wrong[path, width] = page_findings
    assert wrong == {}


@pytest.mark.usefixtures("filled")
def test_open_rows_and_parts_that_fail_have_no_findings(themed: Page, log: Log) -> None:
    for path in ("", f"workflows/{WORKFLOW}/", "streams/order-1/"):
        themed.goto(f"/logs/{log.name}/{path}")
        themed.route("**/events/2", lambda route: route.fulfill(status=500))
        rows = themed.locator(".event-row[href]")
        for row in rows.all():
            row.press("Enter")
        expect(themed.locator(".event-open, .failed")).to_have_count(rows.count())
        assert findings_at_each_width(themed) == {}


def test_agents_at_work_have_no_findings(themed: Page, log: Log, agent: Agent) -> None:
    for n, type in enumerate(("payment.initiated", "payment.failed", "approval.requested", "Noted")):
        fields = {"agent": f"{n}" * 200, "correlation_id": WORKFLOW}
        agent.append(f"payment-{n}", {"type": "payment.started", **fields}, {"type": type, **fields})
    settle(log, agents, lifecycle)
    themed.goto(f"/logs/{log.name}/agents/")
    expect(themed.locator("#agents tbody tr")).to_have_count(4)
    assert findings_at_each_width(themed) == {}


@pytest.mark.usefixtures("filled")
def test_a_timeline_beside_what_the_log_holds_has_no_findings(themed: Page, log: Log) -> None:
    settle(log, counts)
    for query in ("", "?q=type:Placed", "?before=3"):
        themed.set_viewport_size({"width": 1440, "height": 844})
        themed.goto(f"/logs/{log.name}/{query}")
        expect(themed.get_by_role("complementary", name="Most frequent names in the whole log")).to_be_visible()
        assert findings_at_each_width(themed) == {}


def test_the_states_of_a_live_page_have_no_findings(themed: Page, admin_page: Page, log: Log, agent: Agent) -> None:
    admin_page.close()  # while it is open the server keeps rows for it, and none is left out
    agent.append("order-1", *[{"type": "OrderPlaced"}] * 60)
    themed.goto(f"/logs/{log.name}/")
    themed.evaluate("scrollTo({ top: 800, behavior: 'instant' })")
    agent.append("order-1", {})

    def check(state: str) -> None:
        expect(themed.locator(state)).to_be_visible()
        assert findings_at_each_width(themed) == {}

    check("#pill")
    themed.keyboard.press("l")
    check("#paused")
    agent.append("order-1", *[{}] * 1_000)
    expect(themed.locator("#paused-count")).to_contain_text("1,001 new events wait")
    themed.keyboard.press("l")
    check("#rows .gap")


def test_a_replay_that_is_played_and_that_follows_has_no_findings(themed: Page, log: Log, agent: Agent) -> None:
    agent.append("run-1", *({"occurred_at": f"2026-03-01T{hour:02}:00:00Z"} for hour in range(24)), *[{}] * 120)
    themed.goto(f"/logs/{log.name}/replay/stream/run-1/1")
    themed.keyboard.press("0")
    themed.keyboard.press("Space")
    expect(themed.locator("#gap")).to_have_text("1 h later")
    assert findings_at_each_width(themed) == {}
    themed.keyboard.press("End")
    expect(themed.locator("#step")).to_have_value("144")
    themed.keyboard.press("Space")
    expect(themed.locator("#following")).to_be_visible()
    assert findings_at_each_width(themed) == {}


@pytest.mark.usefixtures("filled")
def test_the_query_bar_has_no_findings_with_its_completions_and_many_terms(themed: Page, log: Log) -> None:
    terms = " ".join(f"-type:{n}-{'x' * 90}" for n in range(20))
    themed.goto(f"/logs/{log.name}/?q={terms}")
    themed.keyboard.press("/")
    themed.keyboard.press("Control+A")
    for text in ("data.", "stream:", "type:"):
        themed.get_by_role("combobox").fill(text)
        expect(themed.get_by_role("option").first).to_contain_text(text)
        themed.keyboard.press("ArrowDown")
        expect(themed.get_by_role("option", selected=True)).to_have_count(1)
        assert findings_at_each_width(themed) == {}


def test_the_first_run_and_signing_in_have_no_findings(themed: Page, log: Log) -> None:
    for path in (f"/logs/{log.name}/", "/sign-in/nothing/", f"/logs/{make_log().name}/"):
        themed.goto(path)
        for summary in themed.locator("summary").all():
            summary.press("Enter")
        assert findings_at_each_width(themed) == {}
    themed.goto(f"/logs/{log.name}/")
    themed.get_by_role("button", name="Sign out").click()
    assert findings(themed) == []


def test_the_api_docs_have_no_findings(admin_page: Page) -> None:
    admin_page.goto("/api/docs")
    admin_page.get_by_text("/api/streams/{stream}/events").first.click()
    expect(admin_page.get_by_role("button", name="Try it out")).to_be_visible()
    assert findings_at_each_width(admin_page) == {}
    dark = "document.documentElement.classList.contains('dark-mode')"
    is_dark = admin_page.evaluate(dark)
    admin_page.get_by_role("button", name="Theme: light or dark").press("Enter")
    expect(admin_page.locator("html.dark-mode")).to_have_count(0 if is_dark else 1)
    admin_page.evaluate(TRANSITIONS_END)
    assert findings(admin_page) == []
    admin_page.get_by_role("link", name="Eventsite").first.press("Enter")
    admin_page.wait_for_url(lambda url: "/api/docs" not in url)
