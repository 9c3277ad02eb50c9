"""tau-bench: the messages of a run become events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.transfer.importers.base import Broken, Record
from events.transfer.importers.tau_bench import FORMAT
from tests.support.imported_records import read_items, records

POLICY = {"role": "system", "content": "# Airline Agent Policy\n\nThe current time is…"}


def message_by(role: str, content: str | None = "…", **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


def call(id: str, name: str = "get_user", arguments: str = '{"user": 1}') -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*tool_calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return message_by("assistant", content, tool_calls=list(tool_calls))


def returned(id: str, content: str = "…") -> dict[str, Any]:
    return message_by("tool", content, name="get_user", tool_call_id=id)


def run(*messages: object, **facts: Any) -> dict[str, Any]:
    return {"task_id": 47, "trial": 2, "reward": 0.0, "traj": [POLICY, *messages], **facts}


def test_each_message_is_an_event_by_whoever_said_it(tmp_path: Path) -> None:
    messages = (message_by("user"), message_by("assistant"), calls(call("a")), returned("a"))

    records_read = records(FORMAT, tmp_path / "a.json", [run(*messages)])

    assert {record.stream for record in records_read} == {"tau-airline-47-2"}
    assert [(record.event.type, record.event.agent) for record in records_read] == [
        ("system.message", "tau-bench"),
        ("user.message", "user-simulator"),
        ("assistant.message", "airline-agent"),
        ("tool.called", "airline-agent"),
        ("tool.returned", "get_user"),
        ("run.scored", "tau-bench"),
    ]
    assert {record.event.correlation_id for record in records_read} == {"tau-airline-47"}
    assert {record.event.occurred_at for record in records_read} == {None}


def test_a_message_that_says_something_and_calls_tools_is_an_event_for_each(tmp_path: Path) -> None:
    message = calls(call("a"), call("b"), content="One moment.")

    _, spoken, first, second, _ = records(FORMAT, tmp_path / "a.json", [run(message)])

    assert (spoken.event.type, json.loads(spoken.event.data)) == ("assistant.message", message)
    assert first.event.causation_id == second.event.causation_id == spoken.event.id
    assert first.event.id != second.event.id


def test_arguments_and_results_are_parsed_beside_the_text_that_came(tmp_path: Path) -> None:
    tool_call = call("a", arguments='{"amount": 0.12345678901234567890}')

    _, called, answer, _ = records(
        FORMAT, tmp_path / "a.json", [run(calls(tool_call), returned("a", '{"seats": [1]}'))]
    )

    assert json.loads(called.event.data) == {
        "name": "get_user",
        "arguments": {"amount": 0.1234567890123456789},
        "tool_call": tool_call,
    }
    assert '"arguments":{"amount": 0.12345678901234567890}' in called.event.data
    assert json.loads(answer.event.data) == returned("a", '{"seats": [1]}') | {"result": {"seats": [1]}}


def test_arguments_that_are_no_json_stay_text(tmp_path: Path) -> None:
    _, called, answer, _ = records(
        FORMAT, tmp_path / "a.json", [run(calls(call("a", arguments="{oops")), returned("a", "Error: no seats"))]
    )

    assert "arguments" not in json.loads(called.event.data)
    assert "result" not in json.loads(answer.event.data)


def test_a_tool_that_failed_says_so(tmp_path: Path) -> None:
    failed = returned("a", "Error: not enough seats")

    _, _, answer, _ = records(FORMAT, tmp_path / "a.json", [run(calls(call("a")), failed)])

    assert json.loads(answer.event.data) == failed | {"error": "Error: not enough seats"}


def test_a_result_is_caused_by_its_call_and_all_else_by_the_event_before(tmp_path: Path) -> None:
    messages = (calls(call("a"), call("b")), returned("b"), returned("a"), message_by("user"), returned("unknown"))

    events = [record.event for record in records(FORMAT, tmp_path / "a.json", [run(*messages)])]

    ids = [event.id for event in events]
    assert [event.causation_id for event in events] == [
        None, ids[0], ids[0], ids[2], ids[1], ids[4], ids[5], ids[6],
    ]  # fmt: skip


def test_an_id_of_a_call_that_comes_back_means_the_last_one(tmp_path: Path) -> None:
    records_read = records(
        FORMAT, tmp_path / "a.json", [run(calls(call("a")), returned("a"), calls(call("a")), returned("a"))]
    )

    ids = [record.event.id for record in records_read]
    assert [records_read[2].event.causation_id, records_read[4].event.causation_id] == [ids[1], ids[3]]


def test_the_last_event_holds_the_reward_and_what_should_have_happened(tmp_path: Path) -> None:
    expected = [{"name": "cancel_reservation", "kwargs": {"id": "S5IK51"}}]
    facts = {"reward": 1.0, "info": {"task": {"actions": expected}, "user_cost": 0.5}}

    *_, message, last = records(FORMAT, tmp_path / "a.json", [run(message_by("user"), **facts)])

    assert (last.event.type, last.event.causation_id) == ("run.scored", message.event.id)
    assert json.loads(last.event.data) == {"task_id": 47, "trial": 2, **facts, "expected_actions": expected}


def test_another_domain_is_another_stream(tmp_path: Path) -> None:
    retail = run(message_by("assistant"), traj=[message_by("system", "# Retail agent policy"), message_by("assistant")])
    unknown = run(traj=[message_by("user")])

    assert [record.stream for record in records(FORMAT, tmp_path / "a.json", [retail])] == ["tau-retail-47-2"] * 3
    assert [record.stream for record in records(FORMAT, tmp_path / "b.json", [unknown])] == ["tau-task-47-2"] * 2


def test_the_order_of_runs_and_the_name_of_the_file_do_not_matter(tmp_path: Path) -> None:
    one, other = run(message_by("user")), run(message_by("user"), trial=3)

    here = records(FORMAT, tmp_path / "a.json", [one, other])
    there = records(FORMAT, tmp_path / "b.json", [other, one])

    assert [record.event for record in here] == [record.event for record in there[3:] + there[:3]]


def test_a_message_that_can_not_be_kept_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    messages = (message_by("user", "\x00"), message_by("narrator"), calls("text"), message_by("user"))  # type: ignore[arg-type]

    items = read_items(FORMAT, tmp_path / "a.json", [run(*messages)])

    broken = [item for item in items if isinstance(item, Broken)]
    assert [item.where.rpartition(":")[2] for item in broken] == [
        "[0].traj[1]",
        "[0].traj[2]",
        "[0].traj[3].tool_calls[0]",
    ]
    assert [item.event.type for item in items if isinstance(item, Record)] == [
        "system.message",
        "user.message",
        "run.scored",
    ]


@pytest.mark.parametrize("broken", [1, {}, {"traj": []}, {"task_id": 1, "trial": 0, "traj": [1]}])
def test_a_record_that_is_not_a_run_gives_no_event_and_the_others_go_on(tmp_path: Path, broken: object) -> None:
    *bad, system, score = read_items(FORMAT, tmp_path / "a.json", [broken, run()])

    assert bad
    assert all(isinstance(item, Broken) and ":[0]" in item.where for item in bad)
    assert isinstance(system, Record)
    assert isinstance(score, Record)


@pytest.mark.parametrize("document", [b"", b"{}", b"\xff", b"[", b"[{]"])
def test_a_document_that_is_no_list_gives_no_event(tmp_path: Path, document: bytes) -> None:
    items = read_items(FORMAT, tmp_path / "a.json", document)

    assert items
    assert all(isinstance(item, Broken) for item in items)


def test_a_task_and_a_trial_may_be_called_anything(tmp_path: Path) -> None:
    records_read = records(FORMAT, tmp_path / "a.json", [run(task_id="late", trial="b")])

    assert {record.stream for record in records_read} == {"tau-airline-late-b"}


@pytest.mark.parametrize("facts", [{"task_id": None}, {"trial": [1]}, {"task_id": "x" * 300}, {"trial": "a/../b"}])
def test_a_run_that_no_stream_could_be_called_by_is_called_by_a_hash(tmp_path: Path, facts: dict[str, Any]) -> None:
    here = records(FORMAT, tmp_path / "a.json", [run(**facts)])
    there = records(FORMAT, tmp_path / "b.json", [run(), run(**facts)])

    assert len({record.stream for record in here}) == 1
    assert [record.event for record in here] == [record.event for record in there[2:]]


def test_members_derived_from_a_text_never_make_its_record_too_large(tmp_path: Path) -> None:
    message = returned("a", json.dumps({"seats": "x" * 600_000}))

    _, _, answer, _ = records(FORMAT, tmp_path / "a.json", [run(calls(call("a")), message)])

    assert json.loads(answer.event.data) == message


def test_members_derived_from_a_text_never_make_its_record_too_deep(tmp_path: Path) -> None:
    _, _, answer, _ = records(
        FORMAT, tmp_path / "a.json", [run(calls(call("a")), returned("a", "[" * 100 + "]" * 100))]
    )

    assert "result" not in json.loads(answer.event.data)


@pytest.mark.parametrize("content", ["1, 2", "1}", '"a": 1'])
def test_a_text_that_is_nearly_json_stays_text(tmp_path: Path, content: str) -> None:
    _, _, answer, _ = records(FORMAT, tmp_path / "a.json", [run(calls(call("a")), returned("a", content))])

    assert json.loads(answer.event.data) == returned("a", content)
