"""Spans of a paused agent are taken, and the pages of their run say that it worked while it was paused."""

from __future__ import annotations

import re
import time

import httpx2
from django.test import AsyncClient

from events.engine import Engine
from events.models import Log
from events.otel.worker import working
from events.pauses.pausing import pause
from events.pauses.target import Target
from tests.support.connect import AGENT, words
from tests.support.otel import export, new_trace, pass_time, send, span, work

MINUTE_NS = 60 * 10**9


async def test_what_a_paused_agent_does_is_kept_and_found(
    client: httpx2.AsyncClient, engine: Engine, log: Log, admin: AsyncClient
) -> None:
    await pause(engine.writer, log.pk, Target("agent", "router"), reason="it loops", by="mara")
    earlier, at_once, later = new_trace(), new_trace(), new_trace()
    for trace, minute in ((earlier, -5), (at_once, 0), (later, 1)):
        one = span(trace, 1, gen_ai__agent__name="router", **AGENT)
        one.start_time_unix_nano = time.time_ns() + minute * MINUTE_NS
        one.end_time_unix_nano = one.start_time_unix_nano + 10**9
        assert (await send(client, export(one))).status_code == 200
    await pass_time(log, 7)
    async with working() as worker:
        await work(worker)
    # A run and its agent have four events, the start and the end of each.
    for trace, title in ((earlier, ""), (at_once, "Possibly worked while paused"), (later, "Worked while paused")):
        for page in (f"workflows/{trace.hex()}/", f"streams/run-{trace.hex()}/"):
            text = words((await admin.get(f"/logs/{log.name}/{page}")).content.decode())
            assert "agent.finished" in text
            assert text.count("the agent router was paused since #1") == bool(title)
            assert not title or re.search(rf" {title} #\d+ and 3 more events the agent router", text)
