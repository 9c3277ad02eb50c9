"""AutoGen: the messages of a captured run, and of one that breaks off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eventsite_client.adapters.autogen import EventsiteMessages
from tests.support.recorder import Recorder, lines

GOLDEN = Path(__file__).parents[2] / "otel" / "golden" / "autogen-openinference.txt"


def made(kind: str, members: dict[str, Any]) -> Any:
    """A message of AutoGen, which is known by its class and has attributes where its JSON has members."""
    members = json.loads(json.dumps(members), object_hook=lambda value: SimpleNamespace(**value)).__dict__
    each = type(kind, (SimpleNamespace,), {"to_text": lambda self: str(self.content)})(**members)
    if kind == "TaskResult":
        each.messages = [made("TextMessage", json.loads(LAST))]
    else:
        each.created_at = datetime.fromisoformat(each.created_at)
    return each


LAST = '{"content": "Ada knows: 14:30, van V2. TERMINATE", "created_at": "2026-11-29T07:10:53.277074+00:00"}'


@pytest.fixture
def captured(shared_data: Path) -> list[Any]:
    path = shared_data / "agent-frameworks" / "autogen" / "native" / "run_stream.jsonl"
    return [made(each["class"], each["message"]) for each in map(json.loads, path.read_text().splitlines())]


async def stream(messages: list[Any]) -> AsyncIterator[Any]:
    for each in messages:
        yield each


async def test_a_captured_run_reads_as_its_trace_does(captured: list[Any]) -> None:
    recorder = Recorder()
    watched = EventsiteMessages(recorder.client, name="Swarm").watch(stream(captured), conversation="order-1004")
    assert [each async for each in watched] == captured
    as_trace = [line.split()[:5] for line in GOLDEN.read_text().splitlines()]
    assert [line.split()[:5] for line in lines(recorder.events)] == as_trace
    assert recorder.events[0].data["task"] == "Bring order 1004 on its way and tell the customer."
    assert (recorder.events[0].correlation_id, recorder.events[2].data["input_tokens"]) == ("order-1004", 55)
    assert recorder.events[11].data["error"] == {"message": "van V1 is full: 310 kg asked, 120 kg left"}
    assert recorder.events[24].data["output"] == "Ada knows: 14:30, van V2. TERMINATE"


async def test_a_run_that_is_broken_off_is_stopped(captured: list[Any]) -> None:
    recorder = Recorder()
    async for _ in EventsiteMessages(recorder.client).watch(stream(captured[:2])):
        pass
    assert [event.type for event in recorder.events[3:]] == [
        "tool.called",
        "tool.failed",
        "agent.failed",
        "workflow.failed",
    ]
