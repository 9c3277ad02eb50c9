"""The page Connect in a browser: it flips at the first span without a reload; by keyboard, and without scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from events.models import Log, OtelFailure, OtelTrace, Token
from events.otel import worker
from eventsite_client import Client, NewEvent
from tests.support.accessibility import findings, reaches_beyond
from tests.support.otel import PROTOBUF, export, new_trace, span
from tests.support.server import Server

AGENT: dict[str, Any] = {"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": "router"}
TOOL: dict[str, Any] = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "reserve_van"}


class Exporter:
    """Sends the spans of one run with the token that a page shows."""

    def __init__(self, server: Server, page: Page) -> None:
        self.trace = new_trace()
        self._url = f"{server.url}/v1/traces"
        self._headers = PROTOBUF | {"Authorization": f"Bearer {page.locator('.do mark').first.inner_text()}"}

    def send(self, number: int, parent: int | None = None, **fields: Any) -> None:
        assert self.post(export(span(self.trace, number, parent, **fields)).SerializeToString()) == 200

    def post(self, body: bytes) -> int:
        return httpx2.post(self._url, content=body, headers=self._headers, timeout=30).status_code


@pytest.fixture
def mapping() -> Iterator[None]:
    """The worker that maps what is held, in a thread."""
    stop_event = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop_event,))
    thread.start()
    yield
    stop_event.set()
    thread.join()


def make_token(page: Page) -> None:
    page.get_by_role("button", name="Make a token and fill it in").click()
    expect(page.locator(".do mark").first).to_contain_text("evt_")


@pytest.mark.usefixtures("mapping")
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_flips_at_the_first_span_and_leads_to_the_run(
    themed: Page, server: Server, log: Log, width: int
) -> None:
    themed.set_viewport_size({"width": width, "height": 900})
    wrong: list[str] = []

    def look() -> None:
        wrong.extend([*findings(themed), *(["reaches beyond the screen"] if reaches_beyond(themed) else [])])

    themed.goto(f"/logs/{log.name}/connect/")
    expect(themed.get_by_text("Not listening yet.")).to_be_visible()
    look()
    make_token(themed)
    expect(themed.get_by_text("Listening at #0.")).to_be_visible()
    look()
    themed.evaluate("window.isTheSame = true")
    exporter = Exporter(server, themed)
    assert exporter.post(b"\xff") == 400
    expect(themed.get_by_text("The body is not an OTLP protobuf message")).to_be_visible()
    look()
    exporter.send(3, 2, **TOOL)
    exporter.send(2, 1, **AGENT)
    expect(themed.get_by_text("2 spans held, run")).to_be_visible()
    spans = themed.get_by_role("list", name="Spans of the run")
    expect(spans.get_by_text("not ended yet")).to_be_visible()
    expect(spans.get_by_text("reserve_van")).to_be_visible()
    expect(themed.locator("#announce")).to_have_text("The first span has come.")
    look()
    themed.get_by_role("button", name="map now").click()
    expect(themed.get_by_text("2 spans in the log, run")).to_be_visible()
    look()
    assert themed.evaluate("window.isTheSame")
    assert "evt_" in themed.locator(".do mark").first.inner_text()
    assert wrong == []
    themed.keyboard.press("o")
    themed.wait_for_url(f"**/logs/{log.name}/workflows/{exporter.trace.hex()}/")


@pytest.mark.usefixtures("mapping")
def test_an_open_timeline_says_what_is_held_until_it_is_mapped(admin_page: Page, server: Server, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/connect/")
    make_token(admin_page)
    exporter = Exporter(server, admin_page)
    admin_page.goto(f"/logs/{log.name}/")
    address = admin_page.url
    exporter.send(2, 1, **AGENT)
    expect(admin_page.get_by_text("held: 1 span")).to_be_visible()
    assert findings(admin_page) == []
    OtelTrace.objects.filter(log=log).update(due_at=timezone.now())
    expect(admin_page.get_by_text("agent.finished").first).to_be_visible()
    expect(admin_page.get_by_text("held: 1 span")).to_have_count(0)
    assert admin_page.url == address


@pytest.mark.usefixtures("mapping")
@pytest.mark.parametrize("width", [1440, 390])
def test_what_failed_is_mapped_again_and_the_token_stays(themed: Page, server: Server, log: Log, width: int) -> None:
    themed.set_viewport_size({"width": width, "height": 900})
    themed.goto(f"/logs/{log.name}/connect/")
    make_token(themed)
    exporter = Exporter(server, themed)
    exporter.send(2, 1, **AGENT)
    trace = UUID(bytes=exporter.trace)
    OtelTrace.objects.filter(log=log, trace_id=trace).update(due_at=None)
    OtelFailure.objects.create(
        log=log, trace_id=trace, failed_at=timezone.now(), code="worker-died", detail="5 workers ended."
    )
    expect(themed.get_by_role("heading", name="What could not become events")).to_be_visible()
    expect(themed.get_by_text("1 span could not become events, run")).to_be_visible()
    wrong = [*findings(themed), *(["reaches beyond the screen"] if reaches_beyond(themed) else [])]
    themed.get_by_role("button", name="map again").click()
    expect(themed.get_by_text("1 span in the log, run")).to_be_visible()
    expect(themed.get_by_role("heading", name="What could not become events")).to_have_count(0)
    assert "evt_" in themed.locator(".do mark").first.inner_text()
    assert wrong == []


def test_a_framework_is_chosen_and_its_lines_are_copied_by_keyboard(admin_page: Page, log: Log) -> None:
    admin_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin_page.goto(f"/logs/{log.name}/connect/")
    heading = admin_page.get_by_role("heading", level=2)
    admin_page.keyboard.press("ArrowDown")
    expect(heading.get_by_text("pydantic-ai by OpenTelemetry")).to_be_visible()
    expect(admin_page).to_have_url(f"/logs/{log.name}/connect/?framework=pydantic-ai")
    make_token(admin_page)
    token = admin_page.locator(".do mark").first.inner_text()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        admin_page.keyboard.press(key)
        expect(admin_page.locator("#connect.htmx-request")).to_have_count(0)
    expect(heading.get_by_text("CrewAI by OpenTelemetry")).to_be_visible()
    expect(admin_page.locator("#kind-crewai")).to_be_focused()
    admin_page.keyboard.press("c")
    expect(admin_page.locator("#announce")).to_contain_text("Copied all commands.")
    copied = admin_page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("pip install opentelemetry-distro")
    assert f"Bearer%20{token}" in copied
    assert Token.objects.get(log=log).name == "CrewAI by OpenTelemetry"
    admin_page.keyboard.press("?")
    expect(admin_page.get_by_role("heading", name="Connect", level=3)).to_be_visible()


def test_an_adapter_takes_the_token_along_and_the_page_flips_at_the_first_event(
    admin_page: Page, server: Server, log: Log
) -> None:
    admin_page.goto(f"/logs/{log.name}/connect/?framework=openai-agents")
    make_token(admin_page)
    token = admin_page.locator(".do mark").first.inner_text()
    admin_page.get_by_role("button", name="Its adapter tells more.").click()
    expect(admin_page.get_by_role("heading", name="OpenAI Agents SDK by its adapter")).to_be_visible()
    expect(admin_page.locator(".do mark").first).to_have_text(token)
    expect(admin_page.get_by_text("This page changes at the first event.")).to_be_visible()
    with Client(server.url, token) as client:
        client.append("run-1", NewEvent("workflow.started", {"name": "delivery"}, correlation_id="order-1004"))
    spans = admin_page.get_by_role("list", name="Events of the run")
    expect(spans.get_by_text("delivery")).to_be_visible()
    expect(admin_page.locator("#announce")).to_have_text("The first event has come.")
    assert findings(admin_page) == []
    admin_page.keyboard.press("o")
    admin_page.wait_for_url(f"**/logs/{log.name}/workflows/order-1004/")


def test_the_chosen_framework_is_in_sight_on_a_phone(admin_page: Page, log: Log) -> None:
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.goto(f"/logs/{log.name}/connect/?framework=http")
    chosen = admin_page.locator("#kind-http")
    expect(chosen).to_be_in_viewport(ratio=0.9)
    make_token(admin_page)
    expect(chosen).to_be_in_viewport(ratio=0.9)


def test_a_reload_makes_no_other_token(admin_page: Page, log: Log) -> None:
    admin_page.goto(f"/logs/{log.name}/connect/?framework=smolagents")
    make_token(admin_page)
    admin_page.reload()
    expect(admin_page.get_by_text("A token is shown only once.")).to_be_visible()
    expect(admin_page.get_by_text("Listening at #0.")).to_be_visible()
    expect(admin_page.get_by_role("heading", name="smolagents by OpenTelemetry")).to_be_visible()
    assert Token.objects.filter(log=log).count() == 1


def test_without_scripts_links_and_forms_do_the_same(
    browser: Browser, server: Server, admin_page: Page, log: Log
) -> None:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=admin_page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/logs/{log.name}/")
    page.get_by_role("main").get_by_role("link", name="Connect").click()
    page.get_by_role("button", name="Make a token and fill it in").click()
    page.get_by_role("button", name="CrewAI by span").click()
    exporter = Exporter(server, page)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("heading", name="CrewAI by OpenTelemetry")).to_be_visible()
    exporter.send(1, **AGENT)
    for _ in range(20):
        if page.get_by_text("1 span held, run").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    page.get_by_role("button", name="map now").click()
    expect(page.get_by_text("Make another one to see the lines with it.")).to_be_visible()
    context.close()
