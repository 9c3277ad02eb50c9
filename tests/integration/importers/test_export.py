"""The contents of an export, and the moment at which its file appears."""

from __future__ import annotations

import gzip
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connections

from events.api.responses import event_json
from events.models import Log
from events.query.match import event_matcher
from events.query.parse import parse
from events.reading import store
from events.transfer import exporting
from tests.support.commands import append, export_events, import_events, redact_event
from tests.support.factories import make_append


def test_a_line_is_the_event_as_the_api_shows_it_and_what_a_restore_needs(log: Log, tmp_path: Path) -> None:
    append(log, make_append("order-1", {"data": b'{"b": 1, "a": 2}'}, {}, expected_version=0, read_position=7))
    append(log, make_append("cart-1", {}, {}, idempotency_key="k"))

    lines = export_events(log, tmp_path / "a.jsonl").splitlines()

    of_api = [event_json(event)[:-1] for event in store.events(log.id, limit=9).fetch()]
    assert [text.rpartition(b',"restore":')[0] for text in lines] == of_api
    restores = [json.loads(text)["restore"] for text in lines]
    assert [set(one) for one in restores] == [
        {"salt", "digest", "expected_version", "read_position"},
        {"salt", "digest", "expected_version", "read_position"},
        {"salt", "digest", "key"},
        {"salt", "digest"},
    ]
    assert (restores[2]["key"]["name"], restores[2]["key"]["last_position"]) == ("k", 4)


@pytest.mark.parametrize(
    "data",
    [
        b"1208925819614629174706176",
        b"0.12345678901234567890",
        b'{"z":1,"a":{"y":-0.0,"b":1E+2}}',
        '"\u2028 שלום 🙂 \\u00e9 \\n"'.encode(),
    ],
)
def test_payloads_are_the_text_that_was_sent(log: Log, tmp_path: Path, data: bytes) -> None:
    append(log, make_append("order-1", {"data": data}))

    assert b'"data":' + data + b',"metadata":{}' in export_events(log, tmp_path / "a.jsonl")


def test_an_event_is_one_line_even_if_it_was_sent_as_several(log: Log, tmp_path: Path) -> None:
    append(log, make_append("order-1", {"data": b'{\n  "a":\r\n  "b\\nc"\n}', "metadata": b'{\n"m": 1}'}))

    (text,) = export_events(log, tmp_path / "a.jsonl").split(b"\n")[:-1]

    assert json.loads(text)["data"] == {"a": "b\nc"}


def test_a_redacted_event_says_so(log: Log, tmp_path: Path) -> None:
    append(log, make_append("order-1", {"data": b'"secret"'}))
    redact_event(log, 1)

    text = export_events(log, tmp_path / "a.jsonl")

    assert b"secret" not in text
    redaction = json.loads(text.splitlines()[0])["restore"]["redaction"]
    assert (redaction["marker_position"], redaction["by"], redaction["reason"]) == (2, "ada", "a password")


def test_a_zipped_export_holds_the_same_bytes_and_is_the_same_each_time(log: Log, tmp_path: Path) -> None:
    append(log, make_append())

    plain, zipped = export_events(log, tmp_path / "a.jsonl"), export_events(log, tmp_path / "a.jsonl.gz")

    assert gzip.decompress(zipped) == plain
    assert export_events(log, tmp_path / "b.jsonl.gz") == zipped


def test_an_empty_log_gives_an_empty_file(log: Log, tmp_path: Path) -> None:
    assert export_events(log, tmp_path / "a.jsonl") == b""


def test_only_its_owner_may_read_an_export(log: Log, tmp_path: Path) -> None:
    export_events(log, tmp_path / "a.jsonl")

    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


def test_an_export_does_not_hold_appends_and_redactions_made_meanwhile(log: Log) -> None:
    append(log, make_append("order-1", {"data": b'"first"'}), make_append("order-1", {"data": b'"second"'}))
    lines: list[bytes] = []

    def meanwhile(head: int) -> None:
        # Like another process, this uses a connection of its own.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(redact_event, log, 2).result()
            elsewhere.submit(connections.close_all).result()

    exported = list(exporting.export(log.id, lines.append, start=meanwhile))

    assert exported == [1, 2]
    assert b'"second"' in lines[1]
    assert b"redaction" not in b"".join(lines)


def test_an_export_that_fails_leaves_nothing_and_keeps_the_old_file(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, make_append())
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"old")

    def full(*args: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_line", full)

    with pytest.raises(CommandError, match="No space left"):
        export_events(log, path)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.jsonl", b"old")]


def test_a_folder_that_is_not_there_is_an_error(log: Log, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        export_events(log, tmp_path / "missing" / "a.jsonl")


QUERIES = ["type:Odd", "-type:Odd", "stream:order-2 OR data.n>1190", "until:2000-01-01", "", "position:2..5 version>1"]


def fill(log: Log) -> None:
    """Append 1,200 events, more than a chunk; each third append has a key."""
    for n in range(0, 1_200, 100):
        events = [{"type": "Odd" if m % 2 else "Even", "data": b'{"n": %d}' % m} for m in range(n, n + 100)]
        key = {"idempotency_key": f"key-{n}"} if n % 300 == 0 else {}
        append(log, make_append(f"order-{n // 100 % 3}", *events, **key))


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_exports_the_lines_of_what_fits_and_no_others(log: Log, tmp_path: Path, query: str) -> None:
    fill(log)
    everything = export_events(log, tmp_path / "all.jsonl").splitlines(keepends=True)
    fits = event_matcher(parse(query))
    events = store.events(log.id, limit=2_000).fetch()
    expected = b"".join(line for event, line in zip(events, everything, strict=True) if fits(event))

    messages = StringIO()
    exported = export_events(log, tmp_path / "some.jsonl", query=query, stderr=messages)

    assert exported == expected
    assert messages.getvalue() == f"Exported {len(expected.splitlines()):,} events of {log.name}.\n"


def test_redactions_and_keys_are_exported_with_a_query_too(log: Log, tmp_path: Path) -> None:
    fill(log)
    redact_event(log, 3)
    redact_event(log, 904)

    lines = export_events(log, tmp_path / "a.jsonl", query="position>900").splitlines()

    restores = {line["position"]: line["restore"] for line in map(json.loads, lines)}
    assert [place for place in restores if "redaction" in restores[place]] == [904]
    assert {place: restores[place]["key"]["name"] for place in restores if "key" in restores[place]} == {901: "key-900"}


def test_a_part_of_a_log_is_imported_and_never_restored(log: Log, other_log: Log, tmp_path: Path) -> None:
    fill(log)
    export_events(log, tmp_path / "a.jsonl", query="type:Odd")

    with pytest.raises(CommandError, match="position"):
        import_events(other_log, tmp_path / "a.jsonl", restore=True)
    assert "600" in import_events(other_log, tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("query", "problem"), [("agnet:router", "Did you mean agent:?"), ("state.a:1", "a list of events has no state")]
)
def test_a_query_that_can_not_be_answered_is_an_error_and_writes_nothing(
    log: Log, tmp_path: Path, query: str, problem: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(problem)):
        export_events(log, tmp_path / "a.jsonl", query=query)
    assert not list(tmp_path.iterdir())
