"""Events that the server refuses for good are kept beside a spool, each once."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background import sender
from eventsite_client._background.spool import Spool
from eventsite_client._background.spool_file import SpoolFile, write
from eventsite_client._core.bulk import LineError
from tests.support.patience import PATIENCE
from tests.support.transports import Lines


def kept_in(folder: Path) -> list[Any]:
    """Return the data of the events that are kept."""
    return [
        json.loads(json.loads(line)["line"])["data"] for line in (folder / "refused.jsonl").read_text().splitlines()
    ]


def failing(method: Callable[..., Any], times: int) -> Callable[..., Any]:
    """Return a method that fails some times, as with a disk that is full, before it works."""
    failures = iter(range(times))

    def fail_first(*arguments: Any, **options: Any) -> Any:
        if next(failures, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return method(*arguments, **options)

    return fail_first


def code_of(event: dict[str, Any]) -> str | None:
    """The server refuses "bad" for good, and "early" for now."""
    return {"bad": "invalid", "early": "paused"}.get(event["data"])


def refuse_bad(event: dict[str, Any]) -> str | None:
    """The server refuses "bad" only."""
    return "invalid" if event["data"] == "bad" else None


def test_a_disk_that_is_full_repeats_no_refusal_and_no_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_PAUSES_SECONDS", (0.01,))
    create = Spool.create
    create_held_back = failing(create, 6)
    monkeypatch.setattr(
        Spool,
        "create",
        lambda spool, held_back=False: (create_held_back if held_back else create)(spool, held_back=held_back),
    )
    lines = Lines(code_of)
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path) as client:
        events = [NewEvent("A", n) for n in range(10)]
        client.log("s", *events, NewEvent("A", "bad"), NewEvent("A", "early", agent="router"))
        assert not client.flush(PATIENCE)
        assert lines.requests > 6
        assert (client.logged.sent, client.logged.refused, client.logged.held_back) == (10, 1, 1)
        assert kept_in(tmp_path) == ["bad"]


@pytest.mark.parametrize("step", ["replace", "remove"])
def test_what_was_held_back_is_done_with_once_if_its_file_cant_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lines = Lines(lambda event: "paused")
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path) as client:
        for n in ("bad", "good", "early"):
            client.log("s", NewEvent("A", n, agent=f"agent of {n}"))
        assert not client.flush()
        lines.refusal = code_of if step == "replace" else refuse_bad
        method = failing(getattr(SpoolFile, step), 3)
        monkeypatch.setattr(SpoolFile, step, lambda *arguments: method(*arguments))
        for _ in range(3):
            assert not client.flush()
            assert client.logged.held_back == 3
            assert client.logged.waiting_bytes > 0
        client.flush()
        left = 1 if step == "replace" else 0
        assert client.logged[2:] == (0, 1, left)
        assert client.logged.sent == 2 - left
        assert kept_in(tmp_path) == ["bad"]
        assert len(list(tmp_path.glob("held-back-*"))) == left
        lines.refusal = lambda event: None
        assert client.flush()
        assert client.logged == (2, 0, 0, 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["refused.jsonl"]


def test_a_child_that_is_forked_while_a_refusal_is_written_does_not_hold_up_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Spool(tmp_path, url="http://testserver/api", token="evt_x")
    children = []

    def fork_first(*arguments: Any, **options: Any) -> None:
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        children.append(child)
        write(*arguments, **options)

    monkeypatch.setattr("eventsite_client._background.spool.write", fork_first)
    try:
        path = kept.set_aside([(b"one\n", LineError(1, "invalid", "why"))])
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)


def test_an_event_that_cant_be_kept_aside_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "refused.jsonl").symlink_to(tmp_path / "elsewhere")
    lines = Lines(lambda event: "invalid" if event["data"] == 1 else None)
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path) as client:
        client.log("s", NewEvent("A", 1), NewEvent("A", 2))
        assert not client.flush()
        assert (lines.data, client.logged.refused) == ([2], 1)
    assert "refused events can't be kept" in caplog.text
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize("most_bytes", [None, 10_000, 3_000])
def test_refused_events_are_kept_up_to_the_bound_of_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, most_bytes: int | None
) -> None:
    monkeypatch.setattr("eventsite_client._background.spool.FILE_BYTES", 2_000)
    lines = Lines(lambda event: "invalid")
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path, log_bytes=most_bytes) as client:
        for n in range(100):
            client.log("s", NewEvent("A", n))
            assert not client.flush()
    texts = [path.read_bytes() for path in [*sorted(tmp_path.glob("refused-*.jsonl")), tmp_path / "refused.jsonl"]]
    assert max(map(len, texts)) <= min(2_000, (most_bytes or 4_000) // 2)
    kept = [json.loads(json.loads(line)["line"])["data"] for text in texts for line in text.splitlines()]
    assert kept == list(range(kept[0], 100))
    if most_bytes is None:
        assert kept[0] == 0
    else:
        assert most_bytes / 2 < sum(map(len, texts)) <= most_bytes
        assert "its events are lost" in caplog.text
