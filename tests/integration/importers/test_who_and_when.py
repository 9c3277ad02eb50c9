"""Imports of the 101 runs of Who&When, if they are on this machine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from events.lists import reads as lists
from events.models import Log
from events.query.orm import where
from events.query.parse import parse
from events.reading import store
from tests.support.commands import import_events


def test_all_runs_are_imported_whole_and_once(log: Log, shared_data: Path) -> None:
    files = shared_data / "who-and-when"

    first = import_events(log, files, format="who-and-when")
    second = import_events(log, files, format="who-and-when")

    assert "Added 2,407 " in first
    assert "Added 0 " in second
    assert "Skipped 2,407 " in second
    streams = {stream.name: stream.version for stream in lists.streams(log.id, limit=200).fetch()}
    assert Counter(name[: len("whowhen-xx")] for name in streams) == {"whowhen-ag": 66, "whowhen-hc": 35}
    for path in files.glob("*/*.json"):
        document = json.loads(path.read_bytes())
        subset = "ag" if path.parent.name == "Algorithm-Generated" else "hc"
        *messages, annotation = store.stream_events(log.id, f"whowhen-{subset}-{path.stem}", limit=500).fetch()
        contents = [json.loads(event.data) for event in messages]
        assert [
            {key: data[key] for key in raw} for data, raw in zip(contents, document["history"], strict=True)
        ] == document["history"]
        facts = {key: value for key, value in document.items() if key != "history"}
        assert facts.items() <= json.loads(annotation.data).items()


def test_labels_that_blame_someone_who_did_not_speak_are_shown_as_such(log: Log, shared_data: Path) -> None:
    import_events(log, shared_data / "who-and-when", format="who-and-when")

    verdicts = store.events(log.id, where(parse("type:run.annotated")), limit=200).fetch()

    labels = {event.stream: json.loads(event.data)["label"] for event in verdicts}
    assert {name for name, label in labels.items() if not label["agrees"]} == {
        "whowhen-ag-15",
        "whowhen-ag-59",
        "whowhen-hc-49",
    }
    assert labels["whowhen-hc-12"]["version"] == 17


def test_a_run_that_is_there_with_other_content_is_reported_message_by_message(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = {"history": [{"role": "human", "content": "a"}, {"role": "WebSurfer", "content": "b"}], "question_ID": "q"}
    path = tmp_path / "1.json"
    path.write_text(json.dumps(run))
    import_events(log, path, format="who-and-when")
    run["history"][1]["content"] = "changed"  # type: ignore[index]
    path.write_text(json.dumps(run))

    with pytest.raises(CommandError, match="1 record could not"):
        import_events(log, path, format="who-and-when")

    assert f"{path}:history[1]: id-conflict" in capsys.readouterr().err
    assert store.stream_events(log.id, "whowhen-hc-1", limit=9).fetch()[1].data == '{"role":"WebSurfer","content":"b"}'
