"""`manage.py play`: a recorded run is played through the API of a running server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from events.lists import reads as lists
from events.models import Log, Token
from events.reading import store
from events.types import Event
from tests.support.commands import write_lines
from tests.support.factories import make_name
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables, free_port


def line(id: int, stream: str = "run-1", **fields: Any) -> dict[str, Any]:
    return {"stream": stream, "id": str(id), "type": "Placed", "data": {"n": id}, **fields}


def play(server: Server, *words: object, **options: Any) -> str:
    output = StringIO()
    call_command("play", *map(str, words), url=server.url, speed=1000, stdout=output, stderr=output, **options)
    return output.getvalue()


def played_events(log: Log) -> list[Event]:
    return sorted(
        (event for stream in lists.streams(log.id, limit=9).fetch()
         for event in store.stream_events(log.id, stream.name, limit=200).fetch()),
        key=lambda event: event.position,
    )  # fmt: skip


def test_a_run_is_played_into_the_log_and_says_where_to_watch(server: Server, log: Log, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(1), line(2, causation_id="1")])

    output = play(server, file, log=log.name)

    assert output == f"Watch it at {server.url}/logs/{log.name}/\nPlayed 2 events.\n"
    first, second = played_events(log)
    assert first.stream.startswith("run-1-play-")
    assert (first.data, first.occurred_at) == ('{"n": 1}', None)
    assert second.causation_id == first.id


def test_played_again_it_is_another_run_beside_the_first(server: Server, log: Log, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(1)])

    play(server, file, log=log.name)
    play(server, file, log=log.name)

    first, second = played_events(log)
    assert first.stream != second.stream
    assert first.id != second.id


@pytest.mark.parametrize(
    ("options", "streams"),
    [({}, ["a", "a"]), ({"run": "b"}, ["b"]), ({"all": True}, ["a", "b", "a"])],
)
def test_the_first_of_several_runs_is_played_or_the_one_named_or_all(
    server: Server, log: Log, tmp_path: Path, options: dict[str, Any], streams: list[str]
) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(1, "a"), line(2, "b"), line(3, "a")])

    output = play(server, file, log=log.name, **options)

    assert [event.stream.partition("-play-")[0] for event in played_events(log)] == streams
    assert ("Playing the first of 2 runs, a." in output) == (not options)


def test_a_wrong_run_lists_the_runs_there_are(server: Server, log: Log, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(1, "a"), line(2, "b")])

    with pytest.raises(CommandError, match="no run 'c' in it. There are: a, b."):
        play(server, file, log=log.name, run="c")


def test_the_token_made_for_it_is_gone_afterwards(server: Server, log: Log, tmp_path: Path) -> None:
    play(server, write_lines(tmp_path / "a.jsonl", [line(1)]), log=log.name)

    assert not Token.objects.filter(log=log).exists()


def test_a_token_given_names_the_log_and_stays(server: Server, log: Log, token: str, tmp_path: Path) -> None:
    output = play(server, write_lines(tmp_path / "a.jsonl", [line(1)]), token=token)

    assert f"/logs/{log.name}/" in output
    assert Token.objects.filter(log=log).count() == 1


def test_a_refusal_is_told_in_words_and_how_far_it_came(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"401 unauthorized.* 0 of 1 events"):
        play(server, write_lines(tmp_path / "a.jsonl", [line(1)]), token="evt_wrong")


def test_a_broken_record_is_named_and_the_rest_is_played(server: Server, log: Log, tmp_path: Path) -> None:
    output = play(server, write_lines(tmp_path / "a.jsonl", [b"{oops\n", line(2)]), log=log.name)

    assert f"{tmp_path / 'a.jsonl'}:1: " in output
    assert "Played 1 events." in output


def test_system_events_are_not_played(server: Server, log: Log, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(1, "eventsite-redactions"), line(2, "a")])

    output = play(server, file, log=log.name, all=True)

    assert "Played 1 events." in output
    assert [event.stream.partition("-play-")[0] for event in played_events(log)] == ["a"]


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", {}, "nothing in the format eventsite .* Other formats"),
        (b'{"stream":"a","id":"1","type":"T","data":1}', {"url": f"http://127.0.0.1:{free_port()}"}, "No Eventsite"),
        (b'{"stream":"a","id":"1","type":"T","data":1}', {"url": "nonsense"}, "No Eventsite answers at nonsense"),
    ],
)
def test_a_file_that_can_not_be_played_is_refused_in_words(
    tmp_path: Path, database: None, content: bytes, options: dict[str, Any], reason: str
) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)

    with pytest.raises(CommandError, match=reason):
        call_command("play", str(tmp_path / "a.jsonl"), log=make_name("log"), **options)


def test_an_interrupt_ends_it_and_takes_the_token_along(server: Server, log: Log, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [line(n) for n in range(1000)])
    environment = {**os.environ, **database_variables(), "SECRET_KEY": "of-a-test"}
    command = [sys.executable, "manage.py", "play", str(file), "--log", log.name, "--url", server.url]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent(),
    )
    deadline = time.monotonic() + PATIENCE
    while not played_events(log):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 128 + signal.SIGINT
    assert b"Stopped: " in output
    assert b"Traceback" not in output
    assert not Token.objects.filter(log=log).exists()


def test_an_openhands_run_is_played_as_it_was_imported(server: Server, log: Log, shared_data: Path) -> None:
    play(server, shared_data / "openhands", format="openhands", log=log.name, run="openhands-ponylang__ponyc-4588")

    events = played_events(log)
    assert len(events) == 104
    assert {event.stream for event in events} == {events[0].stream}
    assert events[-1].type == "run.failed"
    by_id = {event.id: event for event in events}
    for event in events[1:-1]:
        cause = json.loads(event.data).get("cause")
        assert cause is None or json.loads(by_id[event.causation_id or ""].data)["id"] == cause
