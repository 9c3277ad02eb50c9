"""Imports of Eventsite's own JSONL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from events.models import Log
from events.reading import store
from events.transfer.importers import FORMATS
from events.types import Appended, Event
from tests.support.commands import append, export_events, import_events, redact_event, write_lines
from tests.support.factories import make_append, make_name


def line(id: int | str, **fields: Any) -> dict[str, Any]:
    return {"stream": "order-1", "id": str(id), "type": "Placed", "data": {"n": id}} | fields


def events(log: Log) -> list[Event]:
    return store.events(log.id, limit=5_000).fetch()


def test_what_is_imported_keeps_an_id_that_a_client_may_not_give(log: Log, tmp_path: Path) -> None:
    ids = ["eventsite-x", "17.1-4-0"]
    import_events(log, write_lines(tmp_path / "a.jsonl", [line(id) for id in ids]))
    assert [event.id for event in events(log)] == ids


def test_every_line_becomes_an_event_in_the_order_of_the_file(log: Log, tmp_path: Path) -> None:
    fields = {"agent": "picker", "correlation_id": "w", "causation_id": "1", "metadata": {"a": 1}, "schema_version": 3}
    path = write_lines(
        tmp_path / "a.jsonl", [line(1), line(2, stream="cart-7", occurred_at="2026-01-31T12:00:00+01:00", **fields)]
    )

    output = import_events(log, path)

    first, second = events(log)
    assert (first.position, first.stream, first.version, first.id, first.data) == (1, "order-1", 1, "1", '{"n": 1}')
    assert (second.agent, second.correlation_id, second.causation_id, second.metadata, second.schema_version) == (
        "picker", "w", "1", '{"a": 1}', 3,
    )  # fmt: skip
    assert second.occurred_at is not None
    assert second.occurred_at.isoformat() == "2026-01-31T11:00:00+00:00"
    assert output == (
        f"Read 1 file.\nAdded 2 events to {log.name}, at positions from 1 to 2.\n"
        "Skipped 0 that were in the log already.\n"
    )


def test_importing_again_adds_nothing(log: Log, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [line(1), line(2)])
    import_events(log, path)

    output = import_events(log, path)

    assert output == f"Read 1 file.\nAdded 0 events to {log.name}.\nSkipped 2 that were in the log already.\n"
    assert len(events(log)) == 2


def test_an_import_that_was_cut_short_goes_on_where_it_stopped(log: Log, tmp_path: Path) -> None:
    lines = [line(n) for n in range(2_500)]
    import_events(log, write_lines(tmp_path / "part.jsonl", lines[:1_700]))

    output = import_events(log, write_lines(tmp_path / "whole.jsonl", lines))

    assert "Added 800 " in output
    assert "Skipped 1,700 " in output
    assert [event.id for event in events(log)] == [str(n) for n in range(2_500)]


def test_an_id_that_stands_twice_in_a_file_is_one_event_and_the_order_stays(log: Log, tmp_path: Path) -> None:
    output = import_events(log, write_lines(tmp_path / "a.jsonl", [line(1), line(1), line(2), line(1), line(3)]))

    assert "Added 3 " in output
    assert "Skipped 2 " in output
    assert [event.id for event in events(log)] == ["1", "2", "3"]


def test_a_broken_record_is_named_and_the_rest_goes_on(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [line(1), b"{oops\n", line(2, type=""), line(3), b"\xff\n"])

    with pytest.raises(CommandError, match="3 records could not be imported"):
        import_events(log, path)

    errors = capsys.readouterr().err
    assert f"{path}:2: " in errors
    assert f"{path}:3: event.type must have" in errors
    assert f"{path}:5: " in errors
    assert [event.id for event in events(log)] == ["1", "3"]


def test_a_record_that_is_there_with_other_content_is_a_conflict_and_the_rest_goes_on(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_events(log, write_lines(tmp_path / "a.jsonl", [line(1)]))
    path = write_lines(tmp_path / "b.jsonl", [line(1, data={"n": "other"}), line(2)])

    with pytest.raises(CommandError, match="1 record could not be imported"):
        import_events(log, path)

    assert f"{path}:1: id-conflict: " in capsys.readouterr().err
    assert [(event.id, event.data) for event in events(log)] == [("1", '{"n": 1}'), ("2", '{"n": 2}')]


def test_an_export_says_nothing_new_to_its_own_log(log: Log, tmp_path: Path) -> None:
    append(
        log, make_append("order-1", {"occurred_at": "2026-01-31T12:00:00.123456789+01:00"}, {"data": b"\n[1.10 ,\n2]"})
    )
    append(log, make_append(None, {"data": b'"secret"'}))
    redact_event(log, 3)
    export_events(log, tmp_path / "a.jsonl")

    output = import_events(log, tmp_path / "a.jsonl")

    assert "Added 0 " in output
    assert "Skipped 3 " in output
    assert "Left out 1 system event:" in output


def test_system_events_are_left_out_and_counted(log: Log, tmp_path: Path) -> None:
    system_lines = [line(f"s{n}", stream=f"eventsite-{n}", type="event.redacted") for n in range(1_200)]
    path = write_lines(tmp_path / "a.jsonl", [line(1), *system_lines, line(2, stream="eventsite")])

    outputs = [import_events(log, path) for _ in range(2)]

    assert ["Left out 1,200 system events:" in output for output in outputs] == [True, True]
    assert ["Added 2 " in outputs[0], "Skipped 2 " in outputs[1]] == [True, True]
    assert [event.id for event in events(log)] == ["1", "2"]


def test_a_file_of_system_events_alone_is_not_unreadable(log: Log, tmp_path: Path) -> None:
    output = import_events(log, write_lines(tmp_path / "a.jsonl", [line(1, stream="eventsite-redactions")]))

    assert "Added 0 " in output
    assert "Left out 1 system event:" in output


def test_an_import_without_system_events_does_not_speak_of_them(log: Log, tmp_path: Path) -> None:
    assert "system" not in import_events(log, write_lines(tmp_path / "a.jsonl", [line(1)]))


def test_an_old_export_does_not_bring_back_what_was_redacted(log: Log, tmp_path: Path) -> None:
    append(log, make_append("order-1", {"data": b'"secret"'}))
    export_events(log, tmp_path / "old.jsonl")
    redact_event(log, 1)

    output = import_events(log, tmp_path / "old.jsonl")

    assert "Skipped 1 " in output
    assert b"secret" not in export_events(log, tmp_path / "new.jsonl")


def test_an_export_of_another_log_gets_new_positions_and_keeps_what_it_says(
    log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    other = make_log()
    append(other, make_append("order-9"))
    (outcome,) = append(log, make_append("cart-1", {"data": b'{"z": 1, "a": 1e3}', "agent": "picker"}))
    assert isinstance(outcome, Appended)
    export_events(log, tmp_path / "a.jsonl")

    import_events(other, tmp_path / "a.jsonl")

    event = events(other)[-1]
    assert (event.position, event.id, event.data, event.agent) == (2, outcome.ids[0], '{"z": 1, "a": 1e3}', "picker")


def test_a_payload_at_the_limit_is_imported(log: Log, tmp_path: Path) -> None:
    data = "x" * (2**20 - 2)

    import_events(log, write_lines(tmp_path / "a.jsonl", [line(1, data=data), line(2, data=data)]))

    assert [json.loads(event.data) for event in events(log)] == [data, data]


def test_a_log_that_is_not_there_is_an_error_that_says_how_to_make_it(database: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="This makes it: manage.py create_log nowhere"):
        import_events(Log(name="nowhere"), write_lines(tmp_path / "a.jsonl", [line(1)]))


def test_an_import_makes_the_log_if_it_is_told_to(database: None, tmp_path: Path) -> None:
    name = make_name("log")
    files = [write_lines(tmp_path / f"{n}.jsonl", [line(n)]) for n in range(3)]

    first, second = (import_events(Log(name=name), *files, create=True) for _ in range(2))

    assert first.startswith(f"Read 3 files.\nAdded 3 events to {name}, ")
    assert second.startswith(f"Read 3 files.\nAdded 0 events to {name}.\nSkipped 3 ")


def test_no_log_is_made_for_files_that_are_not_there_or_by_a_bad_name(database: None, tmp_path: Path) -> None:
    name = make_name("log")

    with pytest.raises(CommandError, match="There is no file of eventsite"):
        import_events(Log(name=name), tmp_path, create=True)
    with pytest.raises(CommandError, match="--log: Use 1 to 63 of a-z"):
        import_events(Log(name="Not A Name"), write_lines(tmp_path / "a.jsonl", [line(1)]), create=True)

    assert not Log.objects.filter(name__in=[name, "Not A Name"]).exists()


@pytest.mark.parametrize("command", ["import_events", "play"])
@pytest.mark.parametrize(("format", "suffixes"), [("eventsite", ".jsonl, .ndjson"), ("tau-bench", ".json")])
def test_a_directory_without_a_file_of_the_format_is_refused_with_the_formats_there_are(
    log: Log, tmp_path: Path, command: str, format: str, suffixes: str
) -> None:
    (tmp_path / "run.xml").touch()

    with pytest.raises(CommandError) as refusal:
        call_command(command, str(tmp_path), log=log.name, format=format)

    message = str(refusal.value)
    assert message.startswith(f"There is no file of {format} ({suffixes}) in {tmp_path}. Other formats: ")
    for other in FORMATS.keys() - {format}:
        assert f"{other} (." in message


@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_files_without_a_record_are_no_import(log: Log, tmp_path: Path, content: bytes, restore: bool) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)

    with pytest.raises(CommandError, match="Nothing could be read in the format eventsite|The export has no events"):
        import_events(log, path, restore=restore)


def test_files_of_another_format_are_no_import_and_the_formats_are_named(log: Log, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"instance_id": "i", "history": []}])

    with pytest.raises(
        CommandError, match=r"1 record could not .* Nothing could be read in the format eventsite.* openhands \(.jsonl"
    ):
        import_events(log, path)


def test_the_first_of_very_many_broken_records_are_named_and_all_are_counted(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*[b"{oops\n"] * 250, line(1)])

    with pytest.raises(
        CommandError, match="250 records could not be imported: see above, where the first 100 are named."
    ):
        import_events(log, path)

    assert capsys.readouterr().err.count(f"{path}:") == 100
    assert len(events(log)) == 1


def test_a_file_from_windows_is_imported(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(line(n)).encode() for n in range(2)) + b"\r\n")

    import_events(log, path)

    assert [event.id for event in events(log)] == ["0", "1"]


def test_a_database_that_is_away_stops_the_import_and_says_to_run_it_again(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from events.appending.writer import Writer
    from events.errors import Unavailable

    async def away(self: Writer, log_id: int, appends: list[Any]) -> list[Unavailable]:
        return [Unavailable() for _ in appends]

    monkeypatch.setattr(Writer, "append", away)

    with pytest.raises(CommandError, match=r"a.jsonl:1 .*Run the same command again"):
        import_events(log, write_lines(tmp_path / "a.jsonl", [line(1)]))
