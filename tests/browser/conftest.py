"""A real browser: Debian's Chromium under playwright's synchronous API."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from events.access.sign_in import create_link
from events.models import Log, Role
from tests.support.api_agent import Agent
from tests.support.factories import make_member, make_user
from tests.support.patience import PATIENCE
from tests.support.server import Server

# The headless shell needs a third of the processor time for a page: full Chromium also starts renderers for its own
# menus.
COMMANDS = ("chromium-headless-shell", "chromium", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, COMMANDS)), None)
OPTIONS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]


# Playwright keeps an event loop running in this thread. Async tests of other packages can't live with it, and Django
# takes it for an asynchronous caller; so the loop ends with this package.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        missing = "no Chromium: apt-get install -y chromium-headless-shell, or set CHROMIUM=/path/to/it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=PATIENCE * 1000)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page of a fresh session on `server`; tests give paths only.

    An error in its scripts fails the test, and so does anything that the Content-Security-Policy refuses.
    """
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.extend([message.text] * ("Content Security Policy" in message.text)))
    yield page
    context.close()
    assert not errors


@pytest.fixture
def agent(server: Server, token: str) -> Agent:
    """An agent that appends to the test's log."""
    return Agent(server.url, token)


@pytest.fixture
def admin_page(page: Page, log: Log) -> Page:
    """The timeline of the test's log, on which an admin of the log is signed in."""
    user = make_user()
    make_member(log, user=user, role=Role.ADMIN)
    page.goto(f"/sign-in/{create_link(user)}/")
    page.get_by_role("button", name="Sign in").press("Enter")
    page.wait_for_url(f"**/logs/{log.name}/")
    page.wait_for_load_state()  # until its modules listen
    return page


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, admin_page: Page, server: Server) -> Iterator[Page]:
    context = browser.new_context(
        base_url=server.url, color_scheme=request.param, storage_state=admin_page.context.storage_state()
    )
    yield context.new_page()
    context.close()
