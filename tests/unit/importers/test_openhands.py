"""OpenHands: the events of a run become events of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from events.transfer.importers.base import Broken, Record
from events.transfer.importers.openhands import FORMAT
from eventsite.limits import Limits
from tests.support.imported_records import read_items, records


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

    *records_of_run, _ = records(FORMAT, tmp_path / "output.jsonl", (run(edit, ran, read_),))

    assert [json.loads(record.event.data) for record in records_of_run] == [
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

    events = [record.event for record in records(FORMAT, tmp_path / "output.jsonl", (run(*history),))]

    ids = [event.id for event in events]
    assert [event.causation_id for event in events] == [None, ids[0], ids[1], ids[1], ids[3], ids[4]]
    assert {event.correlation_id for event in events} == {"ponyc-1"}


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

    records_read = records(FORMAT, tmp_path / "output.jsonl", lines)

    assert [record.stream for record in records_read] == ["openhands-ponyc-1"] * 2 + ["openhands-ponyc-2"] * 2
    assert len({record.event.id for record in records_read}) == 4


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
        ({"id": 1}, "neither an action nor an observation"),
        (action(1, args="\x00"), "U+0000"),
        ("text", "expected `object`"),
    ],
)
def test_an_event_that_can_not_be_kept_is_named_and_the_run_goes_on(tmp_path: Path, event: object, reason: str) -> None:
    first, broken, third, _ = read_items(FORMAT, tmp_path / "output.jsonl", (run(action(0), event, action(2)),))

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
def test_a_record_that_is_not_a_run_gives_no_event(tmp_path: Path, name: str, content: bytes) -> None:
    items = read_items(FORMAT, tmp_path / name, content)

    assert items
    assert all(isinstance(item, Broken) for item in items)


def test_a_run_of_which_no_event_can_be_read_has_no_end_either(tmp_path: Path) -> None:
    items = read_items(FORMAT, tmp_path / "output.jsonl", (run({"role": "user", "content": "?"}, 7),))

    assert [type(item) for item in items] == [Broken] * 3
    assert items[-1] == Broken(f"{tmp_path / 'output.jsonl'}:1", "None of the run's events could be read.")


@pytest.mark.parametrize("history", [[], None])
def test_a_run_that_failed_before_it_began_is_its_end(tmp_path: Path, history: object) -> None:
    (end,) = records(FORMAT, tmp_path / "output.jsonl", (run(error="no image", history=history),))

    assert (end.stream, end.event.type, end.event.causation_id) == ("openhands-ponyc-1", "run.failed", None)


OLD_RUN = [
    {"content": "Fix it.", "action": "message", "images_urls": None, "wait_for_response": False},
    {"command": "ls", "thought": "First I look.", "action": "run", "is_confirmed": "confirmed"},
    {"content": "README.md", "command_id": -1, "command": "ls", "exit_code": 0, "observation": "run"},
]


@pytest.mark.parametrize("history", [OLD_RUN, [OLD_RUN[:1], OLD_RUN[1:]]], ids=["one by one", "in pairs"])
def test_events_without_id_time_and_cause_are_read_by_their_place(tmp_path: Path, history: list[Any]) -> None:
    document = {"issue": {"number": 5}, "history": history, "error": None}

    records_read = records(FORMAT, tmp_path / "output.jsonl", (document,))

    ids = [record.event.id for record in records_read]
    assert len(set(ids)) == 4
    assert [record.event.type for record in records_read] == [
        "action.message",
        "action.run",
        "observation.run",
        "run.finished",
    ]
    assert [json.loads(record.event.data) for record in records_read[:-1]] == OLD_RUN
    assert [record.event.causation_id for record in records_read] == [None, *ids[:-1]]
    assert [record.event for record in records(FORMAT, tmp_path / "b" / "a.jsonl", (document,))] == [
        record.event for record in records_read
    ]


def test_two_runs_without_a_name_are_two_runs_though_they_begin_alike(tmp_path: Path) -> None:
    other = [*OLD_RUN, {"action": "finish"}]

    records_read = records(FORMAT, tmp_path / "output.jsonl", ({"history": OLD_RUN}, {"history": other}))

    assert len({record.stream for record in records_read}) == 2
    assert len({record.event.id for record in records_read}) == len(records_read) == 7


def test_an_id_that_comes_twice_or_was_never_given_is_no_id(tmp_path: Path) -> None:
    history = [
        action(-1),
        action(-1),
        action(4),
        observation(4, cause=4),
        observation(5, cause=4),
        observation(6, cause=-1),
    ]

    *records_of_run, _ = records(FORMAT, tmp_path / "output.jsonl", (run(*history),))

    ids = [record.event.id for record in records_of_run]
    assert len(set(ids)) == len(history)
    assert [record.event.causation_id for record in records_of_run] == [None, ids[0], ids[1], ids[2], ids[3], ids[4]]


@pytest.mark.parametrize("id", ["9d99120d", True, None, 1.5, [], {}])
def test_an_id_may_be_anything(tmp_path: Path, id: object) -> None:
    first, second, _ = records(FORMAT, tmp_path / "output.jsonl", (run(action(0), action(0) | {"id": id}),))

    assert json.loads(second.event.data)["id"] == id
    assert first.event.id != second.event.id


def test_an_event_of_the_sdk_is_named_for_its_tool_or_its_kind(tmp_path: Path) -> None:
    call: dict[str, Any] = {"tool_name": "terminal", "tool_call_id": "c", "source": "agent"}
    history = [
        {"id": "a", "kind": "MessageEvent", "source": "user", "timestamp": "2026-02-26T09:53:26.650830"},
        {"id": "b", "kind": "ActionEvent", **call, "action": {"kind": "TerminalAction", "command": "ls", "path": "/a"}},
        {"id": "c", "kind": "PauseEvent", "source": "user"},
        {"id": "d", "kind": "ObservationEvent", **call, "action_id": "b", "observation": {"exit_code": 2}},
    ]

    *records_of_run, _ = records(FORMAT, tmp_path / "output.jsonl", (run(*history),))

    ids = [record.event.id for record in records_of_run]
    assert [record.event.type for record in records_of_run] == [
        "MessageEvent", "action.terminal", "PauseEvent", "observation.terminal",
    ]  # fmt: skip
    assert [record.event.causation_id for record in records_of_run] == [None, ids[0], ids[1], ids[1]]
    assert json.loads(records_of_run[1].event.data)["target"] == "/a"
    assert json.loads(records_of_run[3].event.data)["exit_code"] == 2


@pytest.mark.parametrize("timestamp", ["2025-05-03 13:00", "yesterday", "0000-01-01T00:00:00", 1714500000.5, {}, ""])
def test_a_clock_that_is_odd_costs_the_time_and_not_the_event(tmp_path: Path, timestamp: object) -> None:
    first, _ = records(FORMAT, tmp_path / "output.jsonl", (run(action(0, timestamp=timestamp)),))

    assert first.event.occurred_at is None
    assert json.loads(first.event.data)["timestamp"] == timestamp
    assert json.loads(first.event.metadata)["time_not_read"] == "timestamp"


def test_how_it_ended_stands_first_and_what_the_model_answered_last(tmp_path: Path) -> None:
    ran = {
        "id": 1, "tool_call_metadata": {"model_response": {}}, "content": "…", "observation": "run", "llm_metrics": {},
        "extras": {"metadata": {"exit_code": 127}},
    }  # fmt: skip

    first, _ = records(FORMAT, tmp_path / "output.jsonl", (run(ran),))

    assert list(json.loads(first.event.data)) == [
        "exit_code", "id", "content", "observation", "extras", "tool_call_metadata", "llm_metrics",
    ]  # fmt: skip


def test_the_exit_code_is_found_where_each_version_has_it(tmp_path: Path) -> None:
    history = [observation(1, extras={"exit_code": 1}), observation(2, exit_code=2)]

    *records_of_run, _ = records(FORMAT, tmp_path / "output.jsonl", (run(*history),))

    assert [json.loads(record.event.data)["exit_code"] for record in records_of_run] == [1, 2]


@pytest.mark.parametrize("instance", ["a/../b", "x" * 300, "line\nbreak", "", None, {}, 7])
def test_a_run_that_no_stream_could_be_called_by_is_called_otherwise(tmp_path: Path, instance: object) -> None:
    first, end = records(FORMAT, tmp_path / "output.jsonl", (run(action(0), instance_id=instance),))

    assert first.stream == end.stream == f"openhands-{first.event.correlation_id}"


def test_a_list_of_runs_is_read_run_by_run(tmp_path: Path) -> None:
    feedback = [{"feedback": "positive", "trajectory": [action(0)]}, None, {"trajectory": OLD_RUN}]

    items = read_items(FORMAT, tmp_path / "a.json", feedback)

    assert [type(item) for item in items] == [Record, Record, Broken, Record, Record, Record]
    assert items[2].where.endswith("a.json:document[1]")


def test_a_long_run_may_take_more_than_a_request(tmp_path: Path) -> None:
    with override_settings(EVENTSITE=Limits(request_max_bytes=1_000)):
        records_read = records(
            FORMAT, tmp_path / "output.jsonl", (run(*(action(n, args="x" * 100) for n in range(20))),)
        )

    assert len(records_read) == 21
