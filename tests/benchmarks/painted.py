"""The time from an append's call to its row on the screen.

One Chromium is at the timeline, at a light and a heavy rate.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from statistics import median

import httpx2
from django.test import Client
from playwright.sync_api import sync_playwright

from events.models import Log, Member, Role
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, milliseconds, p99
from tests.benchmarks.servers import Server
from tests.support.factories import make_user

_RATES = (1, 100)
_SECONDS = 30
_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
# The callbacks of a frame run before its paint, so a callback that is due after them is due after the paint.
_WATCH = """() => {
    window.painted = {};
    const note = () => {
        const now = (performance.timeOrigin + performance.now()) / 1000;
        for (const row of document.querySelectorAll("#rows [data-position]")) painted[row.dataset.position] ??= now;
    };
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(note)))
        .observe(document.getElementById("rows"), { childList: true });
}"""


def run() -> Iterator[Table]:
    table = Table("From an append's call to its painted row", ("events/s", "p50", "p99", "slowest", "not painted"))
    with Server("eventsite.asgi:application", log_id=0) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright's loop runs in this thread
        for rate in _RATES:
            url, log = f"http://127.0.0.1:{server.port}", make_log()
            page = browser.new_context(base_url=url).new_page()
            page.context.add_cookies([{"name": "sessionid", "value": _session(log), "url": url}])
            with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {make_token(log)}"}) as agent:
                _append(agent, 0)  # there are no rows without it
                page.goto(f"/logs/{log.name}/")
                page.evaluate(_WATCH)
                began = _append_at(rate, agent)
            page.wait_for_timeout(1_000)
            painted = {int(position): at for position, at in page.evaluate("painted").items()}
            lags = [painted[position] - at for position, at in began.items() if position in painted]
            figures = map(milliseconds, (median(lags), p99(lags), max(lags)))
            table.rows.append((f"{rate}", *figures, f"{len(began) - len(lags)}"))
            page.context.close()
        browser.close()
    yield table


def _append_at(rate: int, agent: httpx2.Client) -> dict[int, float]:
    """The time at which each position was appended, in seconds of the clock that the browser has too."""
    began, start = {}, time.time()
    for n in range(1, rate * _SECONDS + 1):
        time.sleep(max(0.0, start + n / rate - time.time()))
        at = time.time()
        began[_append(agent, n)] = at
    return began


def _append(agent: httpx2.Client, n: int) -> int:
    body = b'{"events":[{"type":"%b","data":%b}]}' % (payloads.TYPE.encode(), payloads.data(n))
    answer = agent.post("/api/streams/stream-1/events", content=body, headers={"Content-Type": "application/json"})
    position: int = answer.raise_for_status().json()["events"][0]["position"]
    return position


def _session(log: Log) -> str:
    user = make_user()
    Member.objects.create(log=log, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
