"""Files of a spool hold whole lines, and belong to one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background import spool_queue
from eventsite_client._background.log import WhenFull
from eventsite_client._background.memory import MemoryQueue
from eventsite_client._background.spool import Spool
from eventsite_client._background.spool_file import SpoolFile
from eventsite_client._core.bulk import LineError
from tests.support.patience import PATIENCE, wait_until
from tests.support.transports import Lines, Scripted

DONE = {"appended": 1, "replayed": 0, "failed": 0, "errors": []}


def spool_of(path: Path) -> Spool:
    return Spool(path, url="http://testserver/api", token="evt_x")


def left_by(spool: Spool) -> list[SpoolFile]:
    """Return the files that dead processes left, with their locks held."""
    look_back = spool.look_back()
    return [] if look_back is None else list(iter(look_back.next, None))


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
    [left] = left_by(spool_of(tmp_path))
    assert left.peek(10, 2**20) == [b"whole\n"]
    left.done([b"whole\n"])
    left.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_goes_to_one_process(tmp_path: Path) -> None:
    file = spool_of(tmp_path).create()
    file.put(b"one\n")
    assert left_by(spool_of(tmp_path)) == []
    file.let_go()
    [left] = left_by(spool_of(tmp_path))
    assert left_by(spool_of(tmp_path)) == []
    left.close()
    [again] = left_by(spool_of(tmp_path))
    assert again.size == 4
    again.close()


def test_a_spool_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "spool"
    spool_of(folder).create().put(b"secret\n")
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in folder.iterdir()] == [0]


@pytest.mark.parametrize("kind", ["memory", "spool"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_the_handler_of_a_signal_may_log_in_the_middle_of_a_line(tmp_path: Path, kind: str, call: int) -> None:
    """Python calls it after a call, such as that of `len()`."""
    queue = MemoryQueue() if kind == "memory" else spool_queue.SpoolQueue(spool_of(tmp_path))
    calls = 0

    class Interrupted(bytes):
        def __len__(self) -> int:
            nonlocal calls
            calls += 1
            if calls == call:
                queue.put(b"of the handler\n")
            return super().__len__()

    queue.put(Interrupted(b"one\n"))
    if calls < call:  # there were not so many
        calls = call
        queue.put(b"of the handler\n")
    lines = queue.peek(10, 1_000)
    assert sorted(map(bytes, lines)) == [b"of the handler\n", b"one\n"]
    assert queue.size == 19
    queue.done([bytes(line) for line in lines])
    assert (queue.size, queue.peek(10, 1_000)) == (0, [])


def test_the_disk_gets_the_bytes_back_also_while_something_always_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_queue, "FILE_BYTES", 10_000)
    queue = spool_queue.SpoolQueue(spool_of(tmp_path))
    lines = [b"%0999d\n" % n for n in range(1_000)]
    seen: list[bytes] = []
    for place in range(0, 1_000, 10):
        for line in lines[place : place + 10]:
            queue.put(line)
        while queue.size > 5_000:  # something waits at each moment
            batch = queue.peek(3, 10_000)
            seen += batch
            queue.done(batch)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 40_000
    queue.let_go()
    rest = [line for file in left_by(spool_of(tmp_path)) for line in file.peek(1_000, 1_000_000)]
    assert [*seen, *(line for line in rest if line not in seen)] == lines


def test_a_backlog_is_read_from_its_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_queue, "FILE_BYTES", 4_000)
    queue = spool_queue.SpoolQueue(spool_of(tmp_path))
    lines = [b"%099d\n" % n for n in range(100)]
    for line in lines[:50]:
        queue.put(line)
    queue.done(queue.peek(1, 10_000))
    for line in lines[50:]:
        queue.put(line)
    queue.let_go()
    files = left_by(spool_of(tmp_path))
    assert [line for file in files for line in file.peek(1_000, 100_000)] == lines
    assert len(files) == 3


def test_one_process_at_a_time_takes_what_a_dead_one_left(tmp_path: Path) -> None:
    """Two would send its files side by side, so its lines in another order."""
    for n in range(2):
        file = spool_of(tmp_path).create()
        file.put(b"%d\n" % n)
        file.let_go()
    files = spool_of(tmp_path).look_back()
    assert files is not None
    first = files.next()
    assert first is not None
    assert spool_of(tmp_path).look_back() is None
    first.done(first.read())
    first.close()
    files.close()
    assert [file.read() for file in left_by(spool_of(tmp_path))] == [[b"1\n"]]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_process_that_had_to_wait_takes_what_is_left_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsite_client._background.sender._LOOK_SECONDS", 0.01)
    file = spool_of(tmp_path).create()
    file.put(b'{"stream":"s","type":"A","id":"1","data":1}\n')
    file.let_go()
    other = spool_of(tmp_path).look_back()
    lines = Lines()
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path) as client:
        client.log("s", NewEvent("A", 2))
        assert client.flush(PATIENCE)
        assert lines.data == [2]
        assert other is not None
        other.close()
        wait_until(lambda: lines.data == [2, 1])


def test_lines_are_replaced_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = spool_of(tmp_path).create()
    [path] = tmp_path.iterdir()
    file.put(b"one\ntwo\nthree\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, text[:-1]))
    with pytest.raises(OSError, match="no room"):
        file.replace([b"two\n"])
    monkeypatch.undo()
    assert file.read() == [b"one\n", b"two\n", b"three\n"]
    file.replace([b"two\n", b"three\n"])
    file.put(b"four\n")
    assert list(tmp_path.iterdir()) == [path]
    assert left_by(spool_of(tmp_path)) == []
    file.let_go()
    path.with_suffix(".new").write_bytes(b"of a process that was killed before it was ready")
    assert [file.read() for file in left_by(spool_of(tmp_path))] == [[b"two\n", b"three\n", b"four\n"]]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("written", [0, 10])
def test_a_disk_that_is_full_leaves_no_part_of_a_head_or_of_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    spool = spool_of(tmp_path)
    error = LineError(1, "invalid", "why")
    spool.create().let_go()
    spool.set_aside([(b"one\n", error)])
    kept = (tmp_path / "refused.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, text[:written]))
    with pytest.raises(OSError, match="no room"):
        spool.create()
    with pytest.raises(OSError, match="no room"):
        spool.set_aside([(b"two\n", error)])
    assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / "refused.jsonl").read_bytes() == kept


def test_the_oldest_lines_are_sent_first(tmp_path: Path) -> None:
    files = [spool_of(tmp_path).create(held_back=n == 15) for n in range(20)]
    for n, file in enumerate(files):
        file.put(b"%d\n" % n)
        file.let_go()
    order = [int(file.peek(1, 10)[0]) for file in left_by(spool_of(tmp_path))]
    assert order[0] == 15
    assert order[1:] == [n for n in range(20) if n != 15]


@pytest.mark.parametrize("begin", [b"", b'{"url":"http://tests'])
def test_a_file_whose_process_was_killed_before_the_first_line_is_removed(tmp_path: Path, begin: bytes) -> None:
    (tmp_path / "killed.ndjson").write_bytes(begin)
    assert left_by(spool_of(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_before_its_lock_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process starts in the moment between the two steps, and takes the file for a dead process's."""
    flock = fcntl.flock

    def look_first(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        assert left_by(spool_of(tmp_path)) == []
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", look_first)
    file = spool_of(tmp_path).create()
    file.put(b"one\n")
    [path] = tmp_path.iterdir()
    assert path.read_bytes().endswith(b"\none\n")


def test_a_folder_that_everybody_may_write_to_is_no_spool(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="name a folder inside it"):
        Client("http://testserver", "evt_x", spool=tmp_path)
    Client("http://testserver", "evt_x", spool=tmp_path / "inside").close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_of(tmp_path)
    file = spool.create()
    file.let_go()
    [path] = tmp_path.iterdir()
    os.chown(path, 12_345, -1)
    assert left_by(spool) == []
    assert "belongs to another user" in caplog.text
    os.chown(tmp_path, 12_345, -1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        spool.create()


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_of_a_spool_is_left_alone(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_of(tmp_path / "spool")
    file = spool.create()
    file.put(b"one\n")
    file.let_go()
    [path] = (tmp_path / "spool").iterdir()
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    assert left_by(spool) == []
    assert "can't be read" in caplog.text
    assert (tmp_path / "elsewhere").read_bytes().endswith(b"\none\n")


@pytest.mark.parametrize("option", [{"when_full": "wait"}, {"log_bytes": 0}])
def test_an_option_that_cant_be_is_refused_before_a_folder_is_made(tmp_path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="when_full|log_bytes"):
        Client("http://testserver", "evt_x", spool=tmp_path / "spool", **option)
    assert list(tmp_path.iterdir()) == []


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
