"""Who&When: the messages of a run become events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.transfer.importers.base import Broken, Item, Record, read_files
from events.transfer.importers.who_and_when import FORMAT

QUESTION = "2dfc4c37"


def hand_crafted(*history: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"history": list(history), "question_ID": QUESTION, "mistake_step": "0", "mistake_agent": "human"} | fields


def message_by(role: str, content: str = "…") -> dict[str, Any]:
    return {"content": content, "role": role}


def read_items(folder: Path, document: object, name: str = "12.json") -> list[Item]:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return list(read_files([path], FORMAT.read, progress=lambda count: None))


def records(folder: Path, document: object, name: str = "12.json") -> list[Record]:
    items = read_items(folder, document, name)
    assert all(isinstance(item, Record) for item in items), items
    return [item for item in items if isinstance(item, Record)]


@pytest.mark.parametrize(
    ("message", "type_", "agent"),
    [
        (message_by("human"), "user.message", "human"),
        (message_by("Orchestrator (thought)"), "orchestrator.thought", "Orchestrator"),
        (message_by("Orchestrator (-> WebSurfer)"), "task.delegated", "Orchestrator"),
        (message_by("Orchestrator (termination condition)"), "run.terminated", "Orchestrator"),
        (message_by("WebSurfer"), "agent.message", "WebSurfer"),
        (message_by("user", "exitcode: 0") | {"name": "Computer_terminal"}, "tool.result", "Computer_terminal"),
        (message_by("user", "```python\n1\n```") | {"name": "Coder"}, "code.proposed", "Coder"),
        (message_by("user", "**TERMINATE**") | {"name": "Coder"}, "run.terminated", "Coder"),
        (message_by("user", "If all agree:\n\nTERMINATE") | {"name": "Coder"}, "agent.message", "Coder"),
    ],
)
def test_the_role_tells_the_type_and_the_agent(tmp_path: Path, message: dict[str, Any], type_: str, agent: str) -> None:
    event = records(tmp_path, hand_crafted(message))[0].event

    assert (event.type, event.agent) == (type_, agent)


def test_a_message_is_kept_whole_with_what_was_found_in_it_beside(tmp_path: Path) -> None:
    ledger = '{"next": {"answer": "WebSurfer"}, "cost": 0.10000000000000000001}'
    thought = message_by("Orchestrator (thought)", f"Updated Ledger:\n{ledger}")

    first, second, _ = records(tmp_path, hand_crafted(thought, message_by("Orchestrator (-> WebSurfer)")))

    assert json.loads(first.event.data) == thought | {"ledger": json.loads(ledger)}
    assert ledger in first.event.data
    assert json.loads(second.event.data) == message_by("Orchestrator (-> WebSurfer)") | {"target": "WebSurfer"}


def test_derived_members_never_hide_members_of_the_file(tmp_path: Path) -> None:
    message = message_by("Orchestrator (-> WebSurfer)") | {"target": "its own"}

    assert json.loads(records(tmp_path, hand_crafted(message))[0].event.data) == message


def test_a_ledger_that_is_no_json_is_left_in_the_text(tmp_path: Path) -> None:
    thought = message_by("Orchestrator (thought)", "Updated Ledger:\n{not json")

    assert json.loads(records(tmp_path, hand_crafted(thought))[0].event.data) == thought


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    document = (
        b'{"history": [{"role": "human", "content": 0.12345678901234567890}], "level": 1208925819614629174706176}'
    )

    message, annotation = records(tmp_path, document)

    assert "0.12345678901234567890" in message.event.data
    assert "1208925819614629174706176" in annotation.event.data


def test_a_reply_is_caused_by_the_last_task_of_that_agent_and_the_rest_by_what_came_before(tmp_path: Path) -> None:
    run = records(
        tmp_path,
        hand_crafted(
            message_by("human"),
            message_by("Orchestrator (-> WebSurfer)"),
            message_by("Orchestrator (thought)", "Next speaker WebSurfer"),
            message_by("WebSurfer"),
            message_by("Orchestrator (thought)"),
            mistake_step="3",
        ),
    )

    ids = [record.event.id for record in run]
    assert [record.event.causation_id for record in run] == [None, ids[0], ids[1], ids[1], ids[3], ids[3]]


def test_events_share_the_question_and_carry_no_invented_time(tmp_path: Path) -> None:
    events = [record.event for record in records(tmp_path, hand_crafted(message_by("human"), message_by("WebSurfer")))]

    assert {event.correlation_id for event in events} == {QUESTION}
    assert {event.occurred_at for event in events} == {None}


def test_the_last_event_says_all_that_no_message_says(tmp_path: Path) -> None:
    facts = {"question": "How many?", "ground_truth": "6", "system_prompt": {"Coder": "You are…"}, "level": "Hard"}

    last = records(tmp_path, hand_crafted(message_by("human"), **facts))[-1].event

    assert (last.type, last.agent) == ("run.annotated", "human-annotator")
    assert facts.items() <= json.loads(last.data).items()
    assert "history" not in json.loads(last.data)


@pytest.mark.parametrize(("blamed", "agrees"), [("WebSurfer", True), ("Websurfer", True), ("Orchestrator", False)])
def test_the_label_shows_who_spoke_at_the_step_that_is_blamed(tmp_path: Path, blamed: str, agrees: bool) -> None:
    document = hand_crafted(message_by("human"), message_by("WebSurfer"), mistake_step="1", mistake_agent=blamed)

    _, step, last = records(tmp_path, document)

    assert json.loads(last.event.data)["label"] == {
        "version": 2,
        "event_id": step.event.id,
        "agent": "WebSurfer",
        "agrees": agrees,
    }


@pytest.mark.parametrize("step", ["2", "-1", "", "first", None, 1.5, [], "9" * 5_000])
def test_a_label_that_names_no_step_is_kept_and_points_nowhere(tmp_path: Path, step: object) -> None:
    _, message, last = records(tmp_path, hand_crafted(message_by("human"), message_by("WebSurfer"), mistake_step=step))

    assert "label" not in json.loads(last.event.data)
    assert json.loads(last.event.data)["mistake_step"] == step
    assert last.event.causation_id == message.event.id


def test_the_same_file_in_another_folder_gives_the_same_events(tmp_path: Path) -> None:
    document = hand_crafted(message_by("human"), message_by("WebSurfer"))

    here, there = records(tmp_path / "here", document), records(tmp_path / "there", document)

    assert [(r.stream, r.event) for r in here] == [(r.stream, r.event) for r in there]


def test_the_stream_is_named_for_the_subset_and_the_file(tmp_path: Path) -> None:
    generated = hand_crafted(message_by("user") | {"name": "Coder"})

    assert {r.stream for r in records(tmp_path, hand_crafted(message_by("human")), "12.json")} == {"whowhen-hc-12"}
    assert {r.stream for r in records(tmp_path, generated, "113.json")} == {"whowhen-ag-113"}


def test_a_file_without_a_number_is_named_for_its_question(tmp_path: Path) -> None:
    one = records(tmp_path, hand_crafted(message_by("human")), "one.json")
    other = records(tmp_path, hand_crafted(message_by("human")), "other.json")

    assert one[0].stream == other[0].stream
    assert one[0].stream.startswith("whowhen-hc-")


def test_one_question_in_both_subsets_is_two_runs_of_one_workflow(tmp_path: Path) -> None:
    one = records(tmp_path, hand_crafted(message_by("human")))[0].event
    other = records(tmp_path, hand_crafted(message_by("user") | {"name": "Coder"}))[0].event

    assert one.correlation_id == other.correlation_id
    assert one.id != other.id


def test_a_message_that_can_not_be_kept_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    first, broken, nobody, last = read_items(
        tmp_path, hand_crafted(message_by("human"), message_by("human", "\x00"), {"content": "who?"})
    )

    assert isinstance(first, Record)
    assert isinstance(broken, Broken)
    assert broken.where.endswith("12.json:history[1]")
    assert "U+0000" in broken.reason
    assert isinstance(nobody, Broken)
    assert "speaker" in nobody.reason
    assert isinstance(last, Record)


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b"\xff", b"{", b'{"history": 1}', b'{"history": [1]}', b'{"history": [], "history": []}'],
)
def test_a_document_that_is_no_run_gives_no_event(tmp_path: Path, document: bytes) -> None:
    items = read_items(tmp_path, document)

    assert items
    assert all(isinstance(item, Broken) for item in items)


def test_a_verdict_on_a_message_that_could_not_be_read_names_no_event(tmp_path: Path) -> None:
    first, broken, third, verdict = read_items(
        tmp_path,
        hand_crafted(
            message_by("human"), message_by("A", "\x00"), message_by("B"), mistake_step="1", mistake_agent="A"
        ),
    )

    assert isinstance(first, Record)
    assert isinstance(broken, Broken)
    assert isinstance(third, Record)
    assert isinstance(verdict, Record)
    assert third.event.causation_id == first.event.id
    assert verdict.event.causation_id == third.event.id
    assert "label" not in json.loads(verdict.event.data)


def test_a_verdict_counts_the_versions_that_the_stream_has(tmp_path: Path) -> None:
    document = hand_crafted(7, message_by("A"), message_by("B"), mistake_step="2", mistake_agent="B")  # type: ignore[arg-type]

    *_, verdict = read_items(tmp_path, document)

    assert isinstance(verdict, Record)
    assert json.loads(verdict.event.data)["label"]["version"] == 2


@pytest.mark.parametrize("question", ["x" * 300, "a/../b", None, 7])
def test_a_question_that_no_workflow_could_be_called_by_is_called_by_a_hash(tmp_path: Path, question: object) -> None:
    records_read = records(tmp_path, hand_crafted(message_by("human"), question_ID=question))

    assert {record.stream for record in records_read} == {"whowhen-hc-12"}
    assert len({record.event.correlation_id for record in records_read}) == 1
