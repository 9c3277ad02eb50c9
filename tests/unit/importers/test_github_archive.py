"""GH Archive: a line becomes an event."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from events.transfer.importers.base import Broken, Record
from events.transfer.importers.github_archive import FORMAT
from tests.support.imported_records import read_items, records


def happened(type: str = "WatchEvent", payload: object = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": "17244207336",
        "type": type,
        "actor": {"id": 1, "login": "octocat"},
        "repo": {"id": 2, "name": "octo/cat.github.io"},
        "payload": {} if payload is None else payload,
        "public": True,
        "created_at": "2021-07-21T06:00:00Z",
        **fields,
    }


def test_a_record_is_an_event_of_its_repository(tmp_path: Path) -> None:
    (record,) = records(FORMAT, tmp_path / "a.json", (happened("WatchEvent", {"action": "started"}),))

    event = record.event
    assert (record.stream, event.type, event.agent) == ("repo-octo/cat.github.io", "WatchEvent.started", "octocat")
    assert (event.id, event.occurred_at) == ("github-17244207336", "2021-07-21T06:00:00+00:00")
    assert (event.correlation_id, event.causation_id) == (None, None)


def test_data_and_metadata_hold_the_whole_record(tmp_path: Path) -> None:
    source = happened("PushEvent", {"head": "4f", "size": 1}, org={"login": "octo"})

    (record,) = records(FORMAT, tmp_path / "a.json", (source,))

    rest = json.loads(record.event.metadata)["source"]["record"]
    assert rest | {"payload": json.loads(record.event.data)} == source


@pytest.mark.parametrize(
    ("type_", "payload", "correlation"),
    [
        ("PullRequestEvent", {"number": 7, "pull_request": {"number": 7}}, "octo/cat.github.io#7"),
        ("PullRequestReviewEvent", {"pull_request": {"number": 7}}, "octo/cat.github.io#7"),
        ("IssueCommentEvent", {"issue": {"number": 8}}, "octo/cat.github.io#8"),
        ("PushEvent", {"head": "437b1d8e"}, "437b1d8e"),
        ("CreateEvent", {"ref": "v1"}, None),
        ("PublicEvent", {}, None),
    ],
)
def test_the_subject_of_an_event_is_its_workflow(
    tmp_path: Path, type_: str, payload: object, correlation: str | None
) -> None:
    (record,) = records(FORMAT, tmp_path / "a.json", (happened(type_, payload),))

    assert record.event.correlation_id == correlation


def test_a_zipped_file_says_the_same(tmp_path: Path) -> None:
    lines = (happened(), happened(id="2"))
    zipped = gzip.compress("\n".join(map(json.dumps, lines)).encode())

    plain = records(FORMAT, tmp_path / "a.json", lines)

    assert [r.event for r in records(FORMAT, tmp_path / "b.json.gz", zipped)] == [r.event for r in plain]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (happened(id=None), "id is missing"),
        (happened(type=""), "type is missing"),
        (happened(repo="octo/cat"), "repo.name is missing"),
        (happened(repo={"name": "octo/events"}), "/events"),
        ({name: value for name, value in happened().items() if name != "payload"}, "payload is missing"),
        ([], "expected `object`"),
    ],
)
def test_a_line_that_can_not_be_kept_is_named_and_the_rest_goes_on(tmp_path: Path, broken: object, reason: str) -> None:
    first, second = read_items(FORMAT, tmp_path / "a.json", (broken, happened()))

    assert isinstance(first, Broken)
    assert first.where.endswith("a.json:1")
    assert reason in first.reason
    assert isinstance(second, Record)


@pytest.mark.parametrize("time", ["2012/03/10 22:00:00 -0800", "yesterday", 7])
def test_a_time_that_can_not_be_read_costs_the_time_and_not_the_event(tmp_path: Path, time: object) -> None:
    (record,) = records(FORMAT, tmp_path / "a.json", (happened(created_at=time),))

    metadata = json.loads(record.event.metadata)
    assert record.event.occurred_at is None
    assert metadata["source"]["record"]["created_at"] == time
    assert metadata["time_not_read"] == "created_at"


def test_an_id_may_be_a_number(tmp_path: Path) -> None:
    (record,) = records(FORMAT, tmp_path / "a.json", (happened(id=17244207336),))

    assert record.event.id == "github-17244207336"
