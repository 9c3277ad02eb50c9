"""OpenHands: from a run's own events to ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.transfer.importers.base import Broken, Record
from events.transfer.importers.openhands import FORMAT
from tests.unit.importers.reading import read, records


def action(id: int, name: str = "run", **fields: Any) -> dict[str, Any]:
    return {"id": id, "timestamp": "2025-04-30T16:32:54.707474", "source": "agent", "action": name, **fields}


def observation(id: int, name: str = "run", **fields: Any) -> dict[str, Any]:
    return {"id": id, "source": "environment", "observation": name, "content": "…", **fields}


def run(*history: object, **facts: Any) -> dict[str, Any]:
    return {"instance_id": "ponyc-1", "history": list(history), "error": None, **facts}


def test_an_event_is_kept_whole_and_named_for_what_it_is(tmp_path: Path) -> None:
    edit = action(0, "edit", args={"n": 0.1}, llm_metrics={"cost": 0})

    first, second, _ = records(FORMAT, tmp_path / "output.jsonl", (run(edit, observation(1, "edit")),))

    assert (first.stream, first.event.type, first.event.agent) == ("openhands-ponyc-1", "action.edit", "agent")
    assert (second.event.type, second.event.agent) == ("observation.edit", "environment")
    assert json.loads(first.event.data) == edit


def test_how_a_command_ended_and_which_file_is_meant_stand_beside_the_event(tmp_path: Path) -> None:
    edit = action(0, "edit", args={"path": "/a.c"})
    ran = observation(1, extras={"metadata": {"exit_code": 127}})
    read_ = observation(2, "read", extras={"path": "/b.c"}, target="its own")

    *found, _ = records(FORMAT, tmp_path / "output.jsonl", (run(edit, ran, read_),))

    assert [json.loads(record.event.data) for record in found] == [
        edit | {"target": "/a.c"},
        ran | {"exit_code": 127},
        read_,
    ]


def test_the_digits_of_a_number_are_kept(tmp_path: Path) -> None:
    line = b'{"instance_id":"i","history":[{"id":0,"action":"run","cost":0.12345678901234567890}]}'

    first, _ = records(FORMAT, tmp_path / "output.jsonl", line)

    assert "0.12345678901234567890" in first.event.data


def test_the_cause_is_the_event_that_the_run_names_else_the_one_before(tmp_path: Path) -> None:
    history = [action(0, "message"), action(4), action(5), observation(6, cause=4), observation(7, "error")]

    found = [record.event for record in records(FORMAT, tmp_path / "output.jsonl", (run(*history),))]

    ids = [event.id for event in found]
    assert [event.causation_id for event in found] == [None, ids[0], ids[1], ids[1], ids[3], ids[4]]
    assert {event.correlation_id for event in found} == {"ponyc-1"}


@pytest.mark.parametrize(
    ("timestamp", "occurred_at", "assumed"),
    [
        ("2025-04-30T16:32:54.707474", "2025-04-30T16:32:54.707474+00:00", "UTC"),
        ("2025-04-30T16:32:54+02:00", "2025-04-30T14:32:54+00:00", None),
        (None, None, None),
    ],
)
def test_a_time_without_a_zone_is_taken_for_utc_and_said_to_be(
    tmp_path: Path, timestamp: str | None, occurred_at: str | None, assumed: str | None
) -> None:
    first, _ = records(FORMAT, tmp_path / "output.jsonl", (run(action(0, timestamp=timestamp)),))

    assert first.event.occurred_at == occurred_at
    assert json.loads(first.event.metadata).get("time_zone_assumed") == assumed


@pytest.mark.parametrize(("error", "type_"), [(None, "run.finished"), ("RuntimeError: …", "run.failed")])
def test_the_last_event_says_what_stands_beside_the_history(tmp_path: Path, error: str | None, type_: str) -> None:
    facts = {"metrics": {"cost": 1.5}, "test_result": {"git_patch": "diff"}, "error": error}

    first, last = records(FORMAT, tmp_path / "output.jsonl", (run(action(0), **facts),))

    assert (last.event.type, last.event.causation_id, last.event.occurred_at) == (type_, first.event.id, None)
    assert json.loads(last.event.data) == {"instance_id": "ponyc-1", **facts}


def test_each_line_is_a_run_of_its_own(tmp_path: Path) -> None:
    lines = (run(action(0)), run(action(0), instance_id="ponyc-2"))

    found = records(FORMAT, tmp_path / "output.jsonl", lines)

    assert [record.stream for record in found] == ["openhands-ponyc-1"] * 2 + ["openhands-ponyc-2"] * 2
    assert len({record.event.id for record in found}) == 4


def test_a_trajectory_is_a_run_named_for_its_first_moment_whatever_the_file_is_called(tmp_path: Path) -> None:
    trajectory = [action(0, timestamp="2025-01-20T20:29:13.519638"), observation(3)]

    here = records(FORMAT, tmp_path / "basic.json", trajectory)
    there = records(FORMAT, tmp_path / "other" / "copy.json", trajectory)

    assert [record.stream for record in here] == ["openhands-2025-01-20T20:29:13.519638"] * 2
    assert [record.event for record in here] == [record.event for record in there]


def test_a_run_in_a_document_is_the_run_of_a_line(tmp_path: Path) -> None:
    one = records(FORMAT, tmp_path / "output.jsonl", (run(action(0)),))
    other = records(FORMAT, tmp_path / "run.json", run(action(0)))

    assert [record.event for record in one] == [record.event for record in other]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"id": "1", "action": "run"}, "no id"),
        ({"id": True, "action": "run"}, "no id"),
        ({"id": 1}, "neither an action nor an observation"),
        (action(1, timestamp="yesterday"), "RFC 3339"),
        (action(1, args="\x00"), "U+0000"),
        ("text", "expected `object`"),
    ],
)
def test_an_event_that_can_not_be_kept_is_named_and_the_run_goes_on(tmp_path: Path, event: object, reason: str) -> None:
    first, broken, third, _ = read(FORMAT, tmp_path / "output.jsonl", (run(action(0), event, action(2)),))

    assert isinstance(first, Record)
    assert isinstance(broken, Broken)
    assert broken.where.endswith("output.jsonl:1:history[1]")
    assert reason in broken.reason
    assert isinstance(third, Record)


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff", b"1", b"{}", b'{"history":1}', b'{"history":[]}', b"[]", b"[1]", b'{"history":[],"history":[]}'],
)
@pytest.mark.parametrize("name", ["output.jsonl", "trajectory.json"])
def test_what_is_no_run_is_one_broken_record(tmp_path: Path, name: str, content: bytes) -> None:
    (item,) = read(FORMAT, tmp_path / name, content)

    assert isinstance(item, Broken)
