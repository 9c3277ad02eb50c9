"""The API's documentation works offline, under the same strict policy as every page."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Page, Request, expect

from tests.support.server import Server


def test_the_api_docs_work_without_the_internet(page: Page, server: Server) -> None:
    urls: list[str] = []
    complaints: list[str] = []

    def note_request(request: Request) -> None:
        urls.append(request.url)

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("request", note_request)
    page.on("console", note_message)
    page.goto("/api/docs")
    page.get_by_text("/api/streams/{stream}/events").first.click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    assert [url for url in urls if not url.startswith((server.url, "data:"))] == []
    assert complaints == []
