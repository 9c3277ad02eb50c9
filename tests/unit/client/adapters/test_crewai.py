"""CrewAI: the events of a captured crew, in whatever order its bus hands them over."""

from __future__ import annotations

import json
import random
import sys
from ast import literal_eval
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from eventsite_client.adapters._order import InOrder
from tests.support.recorder import Recorder, lines

CREW = [
    " 0 - workflow.started - depot",
    " 1 <0 agent.started dispatcher dispatcher",
    " 2 <1 model.replied dispatcher lookup_order",
    " 3 <2 tool.called dispatcher lookup_order",
    " 4 <3 tool.returned dispatcher lookup_order",
    " 5 <4 model.replied dispatcher text",
    " 6 <5 agent.finished dispatcher dispatcher",
    " 7 <6 agent.started router router",
    " 8 <7 model.replied router reserve_van",
    " 9 <8 tool.called router reserve_van",
    "10 <9 tool.failed router reserve_van",
    "11 <10 model.replied router reserve_van",
    "12 <11 tool.called router reserve_van",
    "13 <12 tool.returned router reserve_van",
    "14 <13 model.replied router text",
    "15 <14 agent.finished router router",
    "16 <15 agent.started notifier notifier",
    "17 <16 model.replied notifier send_notice",
    "18 <17 tool.called notifier send_notice",
    "19 <18 tool.returned notifier send_notice",
    "20 <19 model.replied notifier text",
    "21 <20 agent.finished notifier notifier",
    "22 <21 workflow.finished - depot",
]


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The adapter on a bus that is not there: CrewAI takes longer to install than a test may."""
    bus = SimpleNamespace(on=lambda kind: lambda handler: handler)
    packages: dict[str, dict[str, Any]] = {
        "crewai": {},
        "crewai.events": {"crewai_event_bus": bus},
        "crewai.events.base_events": {"BaseEvent": object},
    }
    for name, members in packages.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "eventsite_client.adapters.crewai", raising=False)
    import eventsite_client.adapters.crewai as adapter

    monkeypatch.setattr(adapter, "_kinds", lambda kind: set())
    yield adapter.EventsiteListener(Recorder().client)
    sys.modules.pop("eventsite_client.adapters.crewai", None)


@pytest.fixture
def captured(shared_data: Path) -> list[Any]:
    path = shared_data / "agent-frameworks" / "crewai" / "native" / "event_bus.jsonl"
    return [made(json.loads(line)["event"]) for line in path.read_text().splitlines()]


def made(members: dict[str, Any]) -> Any:
    """An event of CrewAI has attributes where its JSON has members."""
    for asked in members["response"] if isinstance(members.get("response"), list) else ():
        asked["function"] = {
            name: literal_eval(text) for name, text in asked["function"].items()
        }  # the capture's quotes
    agent, output = members.get("agent"), members.get("output")
    members["agent"] = SimpleNamespace(**agent) if isinstance(agent, dict) else agent
    members["output"] = SimpleNamespace(**output) if isinstance(output, dict) and "raw" in output else output
    return SimpleNamespace(
        **{**members, "timestamp": datetime.fromisoformat(members["timestamp"].replace("Z", "+00:00"))}
    )


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_captured_crew_is_recorded_in_its_order(listener: Any, captured: list[Any], seed: int | None) -> None:
    if seed is not None:
        random.Random(seed).shuffle(captured)
    for event in captured:
        listener.hear(None, event)
    events = listener.client.events
    assert lines(events) == CREW
    assert (events[2].data["model"], events[3].data["arguments"]) == ("gpt-fake", {"order_id": "1004"})
    assert "van V1 is full" in events[10].data["error"]["message"]
    assert events[22].data["output"] == "Ada knows: 14:30, van V2."
    assert (listener.runs, listener._places) == ({}, {})


def test_crews_side_by_side_do_not_wait_for_each_other(listener: Any, captured: list[Any]) -> None:
    others = [SimpleNamespace(**vars(event)) for event in captured]
    for other in others:
        for name in ("event_id", "parent_event_id", "started_event_id"):
            setattr(other, name, getattr(other, name) and f"other-{getattr(other, name)}")
    for pair in zip(captured[1:], others[1:], strict=True):
        for event in pair:
            listener.hear(None, event)
    streams = set(listener.client.streams)
    by_stream = [
        [event for event, each in zip(listener.client.events, listener.client.streams, strict=True) if each == stream]
        for stream in streams
    ]
    assert [lines(events) for events in by_stream] == [CREW, CREW]


def test_an_event_that_never_comes_is_not_waited_for_without_end() -> None:
    order = InOrder()
    said = [number for number in range(1_000) if number != 7]
    got = [each for number in said for each in order.put(number, f"e{number}", None if not number else "e0", number)]
    assert got == sorted(got)
    assert got[:8] == [0, 1, 2, 3, 4, 5, 6, 8]
    for number in range(1_000):
        assert [*order.put(number, f"x{number}", f"missing {number}", number)] == []
    assert len(order._orphans) <= 200
    order.forget("e0")
    assert (order._root_of, order._waiting, order._next) == ({}, {}, {})
