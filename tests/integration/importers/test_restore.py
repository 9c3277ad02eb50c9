"""An export is restored into an empty log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import IntegrityError, connection

from events import sql
from events.lists import reads as lists
from events.models import Log
from events.query.parse import parse
from events.reading import scan, store
from events.types import Appended
from tests.support.commands import append, export_events, import_events, redact_event, write_lines
from tests.support.factories import make_append


@pytest.fixture
def full_log(log: Log) -> Log:
    """A log with every kind of thing that a log stores."""
    append(
        log, make_append("order-1", {"occurred_at": "2026-01-31T12:00:00.5+01:00", "agent": "a"}, expected_version=0)
    )
    append(
        log, make_append("nocategory", {"data": b"1208925819614629174706176"}, {"causation_id": "x"}, read_position=1)
    )
    append(log, make_append("order-1", {"data": b'\n["secret",\n1.10]'}, idempotency_key="k1", expected_version=-1))
    append(log, make_append("tagged-1", {"tags": ["vip", "a,b", "eu"]}, {}, {"tags": ["vip"]}))
    append(log, make_append("cart-1", *[{"metadata": b'{"n": 0.12345678901234567890}'}] * 3, idempotency_key="k2"))
    redact_event(log, 4)
    append(log, *(make_append("many-1", {"id": str(n)}) for n in range(2_100)))
    return log


@pytest.fixture
def exported(log: Log, tmp_path: Path) -> list[dict[str, Any]]:
    """The parsed export of three events in two streams."""
    append(log, make_append("order-1", {}, {}), make_append("cart-1", {}, idempotency_key="k"))
    return [json.loads(text) for text in export_events(log, tmp_path / "exported.jsonl").splitlines()]


def head(log: Log) -> int:
    (position,) = store.head(log.id).fetch()
    return position


def test_an_export_of_a_restored_export_is_the_same_to_the_byte(
    full_log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    before = export_events(full_log, tmp_path / "a.jsonl.gz")
    restored = make_log()

    output = import_events(restored, tmp_path / "a.jsonl.gz", restore=True)

    assert output == f"Restored 2,111 events to {restored.name}.\n"
    assert export_events(restored, tmp_path / "b.jsonl.gz") == before


def test_a_restored_log_has_the_same_streams_and_goes_on_from_its_head(
    full_log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    export_events(full_log, tmp_path / "a.jsonl")
    restored = make_log()
    import_events(restored, tmp_path / "a.jsonl", restore=True)

    (outcome,) = append(restored, make_append("order-1", expected_version=2))

    assert lists.streams(full_log.id, limit=9).fetch() != []
    assert lists.stream(restored.id, "order-1").first() != lists.stream(full_log.id, "order-1").first()
    for name in ("nocategory", "cart-1", "many-1", "eventsite-redactions"):
        assert lists.stream(restored.id, name).first() == lists.stream(full_log.id, name).first()
    assert isinstance(outcome, Appended)
    assert outcome.first_position == head(full_log) + 1


def test_a_restored_event_has_its_tags_and_is_found_by_them(
    full_log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    export_events(full_log, tmp_path / "a.jsonl")
    restored = make_log()
    import_events(restored, tmp_path / "a.jsonl", restore=True)

    result = scan.search_events(restored.id, parse("tag:vip"), limit=9, backward=False).fetch()

    assert [event.tags for event in result.events] == [["vip", "a,b", "eu"], ["vip"]]
    assert store.names_seen(restored.id, "tag", limit=9).fetch() == ["a,b", "eu", "vip"]


def test_a_retry_of_an_append_is_still_known_after_a_restore(
    log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    by_id = make_append("order-1", {"data": b'"secret"'})
    by_key = make_append("order-2", {"id": "2"}, idempotency_key="k")
    append(log, by_id, by_key)
    redact_event(log, 1)
    export_events(log, tmp_path / "a.jsonl")
    restored = make_log()
    import_events(restored, tmp_path / "a.jsonl", restore=True)

    outcomes = append(restored, by_id, by_key)

    assert [(o.replayed, o.first_position) for o in outcomes if isinstance(o, Appended)] == [(True, 1), (True, 2)]


def test_an_export_in_parts_is_restored_in_one_go(
    exported: list[dict[str, Any]], make_log: Callable[[], Log], tmp_path: Path
) -> None:
    parts = [write_lines(tmp_path / f"part-{n}.jsonl", [text]) for n, text in enumerate(exported)]
    restored = make_log()

    import_events(restored, *parts, restore=True)

    assert head(restored) == 3


def test_a_log_that_holds_events_is_left_alone(log: Log, exported: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="only an empty log can be restored"):
        import_events(log, write_lines(tmp_path / "a.jsonl", exported), restore=True)

    assert head(log) == 3


CHANGES: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "data": lambda lines: lines[1].update(data={"changed": True}),
    "agent": lambda lines: lines[1].update(agent="another"),
    "tags": lambda lines: lines[1].update(tags=["another"]),
    "its digest is different": lambda lines: lines[1]["restore"].update(digest="0" * 64),
    "the next position should be 2, not 3": lambda lines: lines.pop(1),
    "the next position should be 1, not 2": lambda lines: lines.pop(0),
    "the next position should be 2, not 1": lambda lines: lines.insert(1, lines[0]),
    "its version leaves a gap": lambda lines: lines[1].update(version=3),
    "its time goes back": lambda lines: lines[1].update(recorded_at="2020-01-01T00:00:00Z"),
    "already exists": lambda lines: lines[1].update(id=lines[0]["id"]),
    "not a line of an export": lambda lines: lines[1].pop("restore"),
    "is not complete": lambda lines: lines[2]["restore"]["key"].update(last_position=4),
    "event.redacted": lambda lines: lines[1].update(
        data=None,
        restore=lines[1]["restore"]
        | {"redaction": {"marker_position": 1, "at": "2026-01-31T12:00:00Z", "by": "a", "reason": "b"}},
    ),
    "colour": lambda lines: lines[1].update(colour="red"),
}
REASONS = dict.fromkeys(("data", "agent", "tags"), "its digest is different")


@pytest.mark.parametrize("change", CHANGES)
def test_an_export_that_was_tampered_with_is_refused_whole(
    change: str, exported: list[dict[str, Any]], make_log: Callable[[], Log], tmp_path: Path
) -> None:
    CHANGES[change](exported)
    restored = make_log()

    with pytest.raises(CommandError, match=rf"(?s){REASONS.get(change, change)}.*Nothing was restored"):
        import_events(restored, write_lines(tmp_path / "a.jsonl", exported), restore=True)

    assert head(restored) == 0
    assert lists.streams(restored.id, limit=1).fetch() == []


def test_a_broken_line_late_in_the_file_leaves_the_log_empty(
    full_log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(export_events(full_log, tmp_path / "b.jsonl") + b"{oops\n")
    restored = make_log()

    with pytest.raises(CommandError, match=r"a.jsonl:2112: "):
        import_events(restored, path, restore=True)

    assert head(restored) == 0


def test_the_database_itself_refuses_to_restore_anywhere_but_at_the_head(log: Log) -> None:
    append(log, make_append())
    row = {
        "e_stream": "order-9",
        "e_version": "1",
        "e_id": "i",
        "e_type": "t",
        "e_data": "1",
        "e_metadata": "{}",
        "e_schema_version": "1",
        "e_recorded_at": "2099-01-01Z",
        "e_salt": "0" * 32,
        "e_digest": "0" * 64,
    }
    absent = (
        *("e_agent", "e_correlation_id", "e_causation_id", "e_occurred_at"),
        *("e_expected_version", "e_read_position", "e_tags"),
    )
    no_keys = ("k_key", "k_salt", "k_fingerprint", "k_first", "k_last")
    params: dict[str, Any] = {**row, **dict.fromkeys(absent, "\x1e"), **dict.fromkeys(no_keys, ""), "p_log": log.id}

    for first in (1, 3):
        with connection.cursor() as cursor, pytest.raises(IntegrityError, match="can't be restored next"):
            cursor.execute(sql.RESTORE, {**params, "p_first": first})


def test_only_our_own_format_can_be_restored(log: Log, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="only exports of Eventsite"):
        import_events(log, write_lines(tmp_path / "a.json", []), restore=True, format="who-and-when")
