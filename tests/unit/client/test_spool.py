"""Files of a spool hold whole lines, and belong to one process at a time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background.log import WhenFull
from eventsite_client._background.spool import Spool
from tests.support.patience import PATIENCE
from tests.support.transports import Scripted

DONE = {"appended": 1, "replayed": 0, "failed": 0, "errors": []}


def spool_of(path: Path) -> Spool:
    return Spool(path, url="http://testserver/api", token="evt_x")


def test_lines_are_taken_in_order_and_the_file_is_emptied(tmp_path: Path) -> None:
    file = spool_of(tmp_path).create()
    lines = [b"%d\n" % n for n in range(100)]
    for line in lines:
        file.put(line)
    assert file.peek(30, 1_000_000) == lines[:30]
    file.done(lines[:30])
    assert file.peek(1_000, 10) == lines[30:33]
    file.done(lines[30:])
    assert (file.size, file.peek(1_000, 1_000)) == (0, [])
    [path] = tmp_path.iterdir()
    assert path.read_bytes().count(b"\n") == 1
    file.put(b"more\n")
    assert file.peek(10, 10) == [b"more\n"]


def test_a_line_that_is_longer_than_a_batch_is_taken_whole(tmp_path: Path) -> None:
    file = spool_of(tmp_path).create()
    file.put(b"x" * 5_000 + b"\n")
    file.put(b"y\n")
    assert [len(line) for line in file.peek(1, 100)] == [5_001]


def test_a_disk_that_is_full_leaves_no_part_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = spool_of(tmp_path).create()
    file.put(b"one\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:2]))
    with pytest.raises(OSError, match="no room") as caught:
        file.put(b"two\n")
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    file.put(b"three\n")
    assert file.peek(10, 100) == [b"one\n", b"three\n"]


@pytest.mark.parametrize("when_full", ["block", "drop"])
def test_a_logger_says_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when_full: WhenFull
) -> None:
    transport = Scripted(DONE)
    with Client(
        "http://testserver", "evt_x", transport=lambda: transport, spool=tmp_path, when_full=when_full
    ) as client:
        monkeypatch.setattr(os, "write", lambda descriptor, line: 0)
        if when_full == "block":
            with pytest.raises(OSError, match="no room"):
                client.log("s", NewEvent("A"))
        else:
            client.log("s", NewEvent("A"))
        assert client.logged.dropped == (when_full == "drop")
        monkeypatch.undo()


@pytest.mark.parametrize("tail", [b"", b"tor", b"x" * 3_000_000])
def test_a_line_that_was_being_written_when_its_process_died_is_no_line(tmp_path: Path, tail: bytes) -> None:
    file = spool_of(tmp_path).create()
    file.put(b"whole\n" + tail)
    file.let_go()
    [left] = spool_of(tmp_path).left_behind()
    assert left.peek(10, 2**20) == [b"whole\n"]
    left.done([b"whole\n"])
    left.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_goes_to_one_process(tmp_path: Path) -> None:
    file = spool_of(tmp_path).create()
    file.put(b"one\n")
    assert list(spool_of(tmp_path).left_behind()) == []
    file.let_go()
    [left] = spool_of(tmp_path).left_behind()
    assert list(spool_of(tmp_path).left_behind()) == []
    left.close()
    [again] = spool_of(tmp_path).left_behind()
    assert again.size == 4
    again.close()


def test_a_spool_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "spool"
    spool_of(folder).create().put(b"secret\n")
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in folder.iterdir()] == [0]


def test_a_folder_that_cant_be_written_to_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Client("http://testserver", "evt_x", spool=tmp_path / "file")


def test_data_with_raw_breaks_is_one_line(tmp_path: Path) -> None:
    import msgspec

    transport = Scripted(DONE)
    with Client("http://testserver", "evt_x", transport=lambda: transport) as client:
        client.log("s", NewEvent("A", msgspec.Raw(b'{"a":\n1,\r\n"b": 2}')))
        assert client.flush()
    [request] = transport.requests
    assert request.content.count(b"\n") == 1


def test_a_file_that_cant_be_read_does_not_hold_up_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "0-folder.ndjson").mkdir()
    (tmp_path / "1-nowhere.ndjson").symlink_to(tmp_path / "1-nowhere.ndjson")
    scripted = Scripted(DONE)
    with Client("http://testserver/api", "evt_x", spool=tmp_path, transport=lambda: scripted) as client:
        client.log("s", NewEvent("A"))
        assert client.flush(PATIENCE)
        assert client.logged.sent == 1
    assert "0-folder.ndjson can't be read" in caplog.text
    assert "1-nowhere.ndjson can't be read" in caplog.text
