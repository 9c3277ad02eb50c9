"""Imports of OpenHands, tau-bench and GH Archive, from the real files if they are on this machine."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from events.models import Log
from events.reading import store
from events.types import Event
from tests.support.commands import import_events, write_lines


def everything(log: Log) -> Iterator[Event]:
    after = 0
    while page := store.events(log.id, after=after, limit=1000).fetch():
        yield from page
        after = page[-1].position


def test_five_openhands_runs_are_imported_whole_and_once(log: Log, shared_data: Path) -> None:
    files = shared_data / "openhands"

    first = import_events(log, files, format="openhands")
    second = import_events(log, files, format="openhands")

    assert "Added 247 " in first
    assert "Skipped 247 " in second
    events = list(everything(log))
    streams = Counter(event.stream for event in events if event.agent != "evaluation")
    assert sorted(streams.values()) == [4, 18, 49, 70, 103]
    assert Counter(event.type for event in events)["run.failed"] == 1
    raw = [json.loads(event.data) for event in events if event.agent != "evaluation"]
    assert len(raw) == 244
    assert sum("cause" in record for record in raw) == 114
    for path in files.rglob("*.json"):
        assert all(any(step.items() <= record.items() for record in raw) for step in json.loads(path.read_bytes()))
    for path in files.rglob("*.jsonl"):
        for run in map(json.loads, path.read_text().splitlines()):
            *steps, end = store.stream_events(log.id, f"openhands-{run['instance_id']}", limit=200).fetch()
            for event, step in zip(steps, run.pop("history"), strict=True):
                assert step.items() <= json.loads(event.data).items()
            assert json.loads(end.data) == run


def test_an_openhands_cause_is_the_event_that_the_run_names(log: Log, shared_data: Path) -> None:
    import_events(log, shared_data / "openhands", format="openhands")

    events = {event.id: event for event in everything(log)}

    caused = [event for event in events.values() if "cause" in json.loads(event.data)]
    for event in caused:
        cause = events[event.causation_id or ""]
        assert cause.stream == event.stream
        assert json.loads(cause.data)["id"] == json.loads(event.data)["cause"]
    assert all(event.occurred_at for event in events.values() if event.agent != "evaluation")


def test_two_hundred_tau_bench_runs_are_imported_whole_and_once(log: Log, shared_data: Path) -> None:
    files = shared_data / "tau-bench"

    first = import_events(log, files, format="tau-bench")
    second = import_events(log, files, format="tau-bench")

    assert "Added 5,598 " in first
    assert "Skipped 5,598 " in second
    events = list(everything(log))
    types = Counter(event.type for event in events)
    assert (types["run.scored"], types["tool.called"], types["tool.returned"]) == (200, 1164, 1164)
    (path,) = files.glob("*.json.gz")
    runs = json.loads(gzip.decompress(path.read_bytes()))
    assert sum(len(run["traj"]) for run in runs) == 5308
    by_stream: dict[str, list[Event]] = {}
    for event in events:
        by_stream.setdefault(event.stream, []).append(event)
    for run in runs:
        *steps, scored = by_stream[f"tau-airline-{run['task_id']}-{run['trial']}"]
        assert messages(steps) == run["traj"]
        assert {name: value for name, value in run.items() if name != "traj"}.items() <= json.loads(scored.data).items()


def messages(events: list[Event]) -> list[dict[str, Any]]:
    """A run's messages, put together again from its events."""
    messages_by_number: dict[int, dict[str, Any]] = {}
    for event in events:
        data = json.loads(event.data)
        index = int(str(json.loads(event.metadata)["source"]["index"]).partition("/")[0])
        if event.type != "tool.called":
            data = {name: value for name, value in data.items() if name not in ("result", "error")}
            messages_by_number[index] = data
        elif index not in messages_by_number:
            messages_by_number[index] = {"role": "assistant", "content": None, "tool_calls": [data["tool_call"]]}
    return list(messages_by_number.values())


def test_the_result_of_a_tau_bench_tool_is_caused_by_its_call(log: Log, shared_data: Path) -> None:
    import_events(log, shared_data / "tau-bench", format="tau-bench")

    events = {event.id: event for event in everything(log)}

    for event in events.values():
        if event.type == "tool.returned":
            call = events[event.causation_id or ""]
            assert (call.stream, call.version) == (event.stream, event.version - 1)
            assert json.loads(call.data)["tool_call"]["id"] == json.loads(event.data)["tool_call_id"]


def test_eight_hundred_github_events_are_imported_whole_and_once(log: Log, shared_data: Path) -> None:
    files = shared_data / "github-archive-pinot"

    first = import_events(log, files, format="github-archive")
    second = import_events(log, files, format="github-archive")

    assert "Added 800 " in first
    assert "Skipped 800 " in second
    (path,) = files.glob("*.json.gz")
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    events = list(everything(log))
    assert [json.loads(e.metadata)["source"]["record"] | {"payload": json.loads(e.data)} for e in events] == records
    assert len({event.stream for event in events}) == 623
    assert len({event.agent for event in events}) == 573


OPENHANDS = {"history": [{"id": 0, "action": "run"}, {"id": 1, "observation": "run", "cause": 0}], "error": "late"}
TAU = {"trial": 0, "reward": 0.0, "traj": [{"role": "user", "content": "?"}]}
GITHUB = {"type": "PushEvent", "repo": {"name": "a/b"}, "payload": {"head": "4f"}}
FILES: dict[str, tuple[Callable[[int], object], int]] = {
    "openhands": (lambda n: OPENHANDS | {"instance_id": f"i-{n}"}, 3),
    "tau-bench": (lambda n: [TAU | {"task_id": n}], 2),
    "github-archive": (lambda n: GITHUB | {"id": str(n)}, 1),
}
"""The nth small file of each format, and the number of its events."""


@pytest.mark.parametrize("format", sorted(FILES))
@pytest.mark.parametrize("seed", range(3))
def test_any_files_again_in_any_order_and_from_any_folder_add_nothing(
    log: Log, tmp_path: Path, format: str, seed: int
) -> None:
    content, events = FILES[format]
    chance = random.Random(f"{format}/{seed}")
    files = [write_lines(tmp_path / f"{n}.json", [content(n)]) for n in range(5)]
    chosen = chance.choices(files, k=6)
    (tmp_path / "elsewhere").mkdir()
    again = [Path(shutil.copy(file, tmp_path / "elsewhere" / f"of-{file.name}")) for file in sorted({*chosen})]
    chance.shuffle(again)

    first = import_events(log, *chosen, format=format)
    second = import_events(log, *again, format=format)

    assert f"Added {events * len({*chosen})} " in first
    assert f"Added 0 events to {log.name}.\nSkipped {events * len(again)} " in second


@pytest.mark.parametrize("format", sorted(FILES))
def test_a_record_that_is_there_with_other_content_is_reported_and_the_rest_goes_on(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    content, events = FILES[format]
    import_events(log, write_lines(tmp_path / "1.json", [content(1)]), format=format)
    changed = json.dumps(content(1)).replace("4f", "changed").replace("late", "changed").replace("?", "changed")
    write_lines(tmp_path / "1.json", [changed.encode()])
    write_lines(tmp_path / "2.json", [content(2)])

    with pytest.raises(CommandError, match="1 record could not be imported"):
        import_events(log, tmp_path, format=format)

    assert "id-conflict" in capsys.readouterr().err
    assert len(list(everything(log))) == 2 * events
    assert "changed" not in "".join(event.data for event in everything(log))
