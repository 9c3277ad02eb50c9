"""What all adapters share: causes, cuts, content that is left out, and errors that never reach the application."""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsite_client import Client, NewEvent
from eventsite_client.adapters._data import error_of
from eventsite_client.adapters._fitting import MAX_DATA_BYTES, fitted, fitted_name
from eventsite_client.adapters._messages import call, message
from eventsite_client.adapters._runs import Adapter, Run, guarded
from tests.support.recorder import Recorder, lines

AT = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def adapter(recorder: Recorder) -> Adapter:
    return Adapter(recorder.client)


def started(adapter: Adapter, id: str = "1") -> Run:
    run = adapter.open(id, conversation="order-1004")
    run.start("delivery", task="Bring it.", at=AT)
    return run


def test_a_call_follows_from_its_reply_and_a_reply_from_the_results(recorder: Recorder, adapter: Adapter) -> None:
    run = started(adapter)
    scope = run.agent("a", "router", run.root)
    run.reply("m1", scope, message("assistant", calls=[call("x", "weigh", "{}"), call("y", "reserve", '{"van": 1}')]))
    run.call("t1", scope, "reserve", call_id="y")
    run.call("t2", scope, "weigh")
    run.result("t2", 310)
    run.result("t1", error={"message": "full"})
    run.reply("m2", scope, message("assistant", "V1 is full."))
    run.end_agent(scope)
    run.end()
    assert lines(recorder.events) == [
        " 0 - workflow.started - delivery",
        " 1 <0 agent.started router router",
        " 2 <1 model.replied router weigh,reserve",
        " 3 <2 tool.called router reserve",
        " 4 <2 tool.called router weigh",
        " 5 <4 tool.returned router weigh",
        " 6 <3 tool.failed router reserve",
        " 7 <6,5 model.replied router text",
        " 8 <7 agent.finished router router",
        " 9 <8 workflow.finished - delivery",
    ]
    assert (recorder.events[3].data["arguments"], recorder.events[4].data["call_id"]) == ({"van": 1}, "x")
    assert recorder.events[9].data["output"] == "V1 is full."
    assert {event.correlation_id for event in recorder.events} == {"order-1004"}
    assert (set(recorder.streams), recorder.events[3].id) == ({"run-1"}, "1:t1:start")
    assert adapter.runs == {}


def test_an_agent_follows_from_the_hand_off_or_from_those_before_it(recorder: Recorder, adapter: Adapter) -> None:
    run = started(adapter)
    first = run.agent("a", "desk", run.root)
    run.reply("m", first, message("assistant", calls=[call("x", "transfer_to_router", {"task": "Find a van."})]))
    run.end_agent(first)
    second = run.agent("b", "router", run.root)
    run.end_agent(second)
    sides = [run.branch(name, run.root, stage=3) for name in ("c", "d")]
    for side in sides:
        run.end_agent(run.agent(f"{side.key}-agent", side.key, side))
        run.join(side)
    run.agent("e", "teller", run.branch("f", run.root, stage=4))
    run.end()
    assert lines(recorder.events)[3:] == [
        " 3 <2 task.delegated desk router",
        " 4 <3 agent.finished desk desk",
        " 5 <3 agent.started router router",
        " 6 <5 agent.finished router router",
        " 7 <4 agent.started c c",
        " 8 <7 agent.finished c c",
        " 9 <4 agent.started d d",
        "10 <9 agent.finished d d",
        "11 <10,8 agent.started teller teller",
        "12 <11 agent.failed teller teller",
        "13 <12 workflow.failed - delivery",
    ]
    assert recorder.events[5].data["task"] == "Find a van."


def test_what_is_under_way_when_a_run_ends_is_recorded_as_stopped(recorder: Recorder, adapter: Adapter) -> None:
    run = started(adapter)
    scope = run.agent("a", "desk", run.root)
    caller = run.call("t", scope, "router")
    run.call("u", run.agent("b", "router", scope, caller=caller), "reserve")
    run.end_agent(scope)
    run.end()
    run.result("t", "too late")
    assert lines(recorder.events)[5:] == [
        " 5 <4 tool.failed router reserve",
        " 6 <5 agent.failed router router",
        " 7 <2 tool.failed desk router",
        " 8 <7 agent.failed desk desk",
        " 9 <8 workflow.failed - delivery",
    ]
    assert recorder.events[9].data["error"] == {"type": "Stopped", "message": "it was stopped before its end"}


def test_of_a_history_only_what_is_new_is_recorded(recorder: Recorder, adapter: Adapter) -> None:
    run = started(adapter)
    scope = run.agent("a", "desk", run.root)
    system, task = message("system", "Be brief."), message("user", "Bring it.")
    asks = message("assistant", calls=[call("x", "weigh", {})])
    result = message("tool", "310", call_id="x")
    run.reply("m1", scope, asks, history=[system, task])
    run.call("t", scope, "weigh", call_id="x")
    run.result("t", 310)
    run.reply("m2", scope, message("assistant", "310 kg"), history=[system, task, asks, result])
    run.reply("m3", scope, message("assistant", "Yes."), history=[system, task, asks, result, message("user", "Sure?")])
    other = run.agent("b", "router", run.root)
    said = message("assistant", "said elsewhere")
    run.reply("m4", other, message("assistant", "V2"), history=[task, asks, result, said])
    news = [event.data.get("messages") for event in recorder.events if event.type == "model.replied"]
    assert news == [[system, task], None, [message("user", "Sure?")], [task, said]]


def test_without_content_only_names_numbers_and_types_of_errors_are_recorded(recorder: Recorder) -> None:
    adapter = Adapter(recorder.client, content=False)
    run = started(adapter)
    scope = run.agent("a", "desk", run.root, task="SECRET")
    asks = message(
        "assistant", ["SECRET", {"type": "image"}], [call("x", "weigh", {"of": "SECRET"})], reasoning="SECRET"
    )
    run.reply("m", scope, asks, history=[message("user", "SECRET")], input_tokens=7)
    run.call("t", scope, "weigh", call_id="x")
    run.result("t", error=error_of(ValueError("SECRET")))
    run.hand_off("h", scope, "router", "SECRET")
    run.state("s", "state.snapshot", state="SECRET")
    run.end_agent(scope, error={"message": "SECRET"})
    run.end(output="SECRET")
    assert "SECRET" not in msgspec.json.encode(recorder.events).decode()
    assert recorder.events[2].data["tool_calls"] == [{"id": "x", "name": "weigh"}]
    assert (recorder.events[2].data["input_tokens"], recorder.events[4].data["error"]) == (
        7,
        {"type": "ValueError", "message": "ValueError"},
    )


def test_an_adapter_never_raises_and_says_so_once(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Adapter):
        @guarded
        def tell(self) -> None:
            raise RuntimeError("broken")

    broken = Broken(adapter.client)
    with caplog.at_level(logging.INFO, "eventsite_client"):
        broken.tell()
        broken.tell()
    assert [record.getMessage() for record in caplog.records] == ["Broken failed; events may be missing"]


def test_the_run_of_a_block_gives_its_workflow_and_cause(recorder: Recorder, adapter: Adapter) -> None:
    with Client("http://127.0.0.1:9", "t").run("order-7", cause="placed"):
        run = adapter.open("1")
        run.start("delivery")
    assert recorder.events[0].correlation_id == "order-7"


def test_runs_that_never_end_are_forgotten_at_last(adapter: Adapter) -> None:
    for n in range(1_100):
        adapter.open(str(n))
    assert (len(adapter.runs), "1099" in adapter.runs, "99" in adapter.runs) == (1_000, True, False)


class Kind(Enum):
    VAN = "van"


@dataclass
class Van:
    kind: Kind
    loads: Sequence[Any]


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"van": Van(Kind.VAN, (1, b"abc"))}


def test_objects_become_their_members_and_bytes_their_hash() -> None:
    plain, cuts = fitted({"model": Model(), 7: {UUID(int=1)}, "at": AT, "big": 2**80, "loop": asyncio.sleep})
    assert plain["model"]["van"]["loads"] == [1, {"bytes": 3, "sha256": sha256(b"abc").hexdigest()}]
    assert plain["7"] == ["00000000-0000-0000-0000-000000000001"]
    assert (plain["at"], plain["big"], cuts) == ("2026-11-30T00:00:00Z", str(2**80), {})
    assert plain["loop"].startswith("<function sleep")


def test_numbers_that_json_cant_hold_become_texts() -> None:
    assert fitted({"scores": [float("nan"), float("-inf"), 0.5]}) == ({"scores": ["nan", "-inf", 0.5]}, {})


def test_long_texts_are_cut_and_images_become_their_hash() -> None:
    image = b64encode(b"\x00\xff" * 1_000).decode()
    plain, cuts = fitted(
        {"text": "a b" * 20_000, "nul": "a\x00\ud800", "url": f"data:image/png;base64,{image}", "raw": image}
    )
    digest = {"bytes": 2_000, "sha256": sha256(b"\x00\xff" * 1_000).hexdigest()}
    assert len(plain["text"].encode()) == 32 * 1024 + 3
    assert cuts == {"/text": {"bytes": 60_000}}
    assert (plain["nul"], plain["url"], plain["raw"]) == ("a\ufffd\ufffd", {"type": "image/png", **digest}, digest)


def test_data_fit_however_much_there_is() -> None:
    plain, cuts = fitted({"texts": ["word " * 3_000] * 200, "items": [*range(50_000)]})
    assert len(msgspec.json.encode(plain)) <= MAX_DATA_BYTES
    assert cuts["/items"] == {"items": 50_000}


def test_values_that_hold_themselves_end() -> None:
    loop: list[Any] = []
    loop.extend([loop, loop])
    assert msgspec.json.encode(fitted(loop)[0])


@given(st.text())
def test_names_fit(name: str) -> None:
    assert len(fitted_name(name * 50)) <= 200
    assert (fitted_name(name) == name) is (len(name) <= 200 and not re.search(r"[\x00-\x1f\x7f-\x9f]", name))


def test_events_are_those_of_the_client(recorder: Recorder, adapter: Adapter) -> None:
    started(adapter)
    assert recorder.events == [
        NewEvent(
            "workflow.started",
            {"name": "delivery", "task": "Bring it."},
            id="1:start",
            correlation_id="order-1004",
            metadata={"adapter": "_runs"},
            occurred_at=AT,
        )
    ]
