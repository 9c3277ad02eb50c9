"""One bad value in a file costs only the record that contains it, in every format of another tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.transfer.importers import FORMATS
from events.transfer.importers.base import Broken, Item, Record
from tests.support.imported_records import read_items

HERE = '"HERE"'
"""The placeholder for the bad value."""

OPENHANDS = [
    {"id": 0, "action": "message", "source": "user", "args": {"content": "?"}},
    {"id": 1, "action": "run", "source": "agent", "args": {"command": "HERE"}},
    {"id": 2, "observation": "run", "source": "agent", "cause": 1, "content": "…"},
]
TAU = [
    {"role": "system", "content": "# Airline agent policy"},
    {"role": "assistant", "content": "HERE"},
    {"role": "user", "content": "?"},
]
FILES: dict[str, tuple[str, str, object, int]] = {
    "an OpenHands event": ("openhands", "a.jsonl", {"instance_id": "i", "history": OPENHANDS, "error": None}, 1),
    "an OpenHands trajectory": ("openhands", "a.json", OPENHANDS, 1),
    "an OpenHands pair": ("openhands", "a.json", {"history": [OPENHANDS[:2], OPENHANDS[2:]], "error": None}, 1),
    "the end of an OpenHands run": ("openhands", "a.jsonl", {"history": OPENHANDS[::2], "metrics": "HERE"}, 2),
    "a tau-bench message": ("tau-bench", "a.json", [{"task_id": 1, "trial": 0, "traj": TAU}], 1),
    "a tau-bench score": ("tau-bench", "a.json", [{"task_id": 1, "trial": 0, "traj": TAU[::2], "reward": "HERE"}], 2),
    "a Who&When message": (
        "who-and-when",
        "1.json",
        {
            "history": [
                {"role": "human", "content": "?"},
                {"role": "Orchestrator (-> WebSurfer)", "content": "HERE"},
                {"role": "WebSurfer", "content": "…"},
            ]
        },
        1,
    ),
    "a Who&When verdict": (
        "who-and-when",
        "1.json",
        {"history": [{"role": "human", "content": "?"}], "ground_truth": "HERE"},
        1,
    ),
    "a GH Archive record": (
        "github-archive",
        "a.json",
        tuple(
            {"id": str(n), "type": "PushEvent", "repo": {"name": "a/b"}, "payload": {"head": text}}
            for n, text in enumerate(("4f", "HERE", "5f"))
        ),
        1,
    ),
}
"""By the place of the value: the format, the name and content of a file, and the number of the record."""

BAD: dict[str, tuple[bytes, str]] = {
    "half of a surrogate pair": (b'"\\ud800"', "lone surrogate"),
    "NUL": (b'"\\u0000"', "U+0000"),
    "a control character": (b'"\x01"', "not valid JSON"),
    "a byte that is not UTF-8": (b'"\xff"', "utf-8"),
    "a number too large": (b"1e9999", "number"),
    "a number too long": (b"9" * 5_000, "number"),
    "too deep": (b"[" * 200 + b"]" * 200, "deep"),
    "deeper than a parser goes": (b"[" * 5_000 + b"]" * 5_000, "deep"),
    "too large": (b'"%b"' % (b"x" * 2**20), "limit"),
    "a key twice": (b'{"a": 1, "a": 2}', "twice"),
    "no JSON": (b"nope", "not valid JSON"),
}


def put(value: bytes, where: str, folder: Path) -> tuple[list[Item], int]:
    format, name, content, place = FILES[where]
    text = "\n".join(map(json.dumps, content)) if isinstance(content, tuple) else json.dumps(content)
    return read_items(FORMATS[format], folder / name, text.replace(HERE, "%b", 1).encode() % value), place


@pytest.mark.parametrize("where", FILES)
@pytest.mark.parametrize(("value", "reason"), BAD.values(), ids=BAD)
def test_a_bad_value_costs_its_record_alone(tmp_path: Path, where: str, value: bytes, reason: str) -> None:
    sound, place = put(b'"sound"', where, tmp_path)
    items, _ = put(value, where, tmp_path)

    broken = items[place]
    assert isinstance(broken, Broken)
    assert broken.where == sound[place].where
    assert reason.lower() in broken.reason.lower()
    assert [item.where for item in items] == [item.where for item in sound]
    assert sum(isinstance(item, Broken) for item in items) == 1


@pytest.mark.parametrize("where", FILES)
def test_no_event_is_caused_by_one_that_could_not_be_read(tmp_path: Path, where: str) -> None:
    items, _ = put(b'"\\ud800"', where, tmp_path)

    ids: set[str | None] = {None}
    for item in items:
        if isinstance(item, Record):
            assert item.event.causation_id in ids
            ids.add(item.event.id)
    assert len(ids) > 1


@pytest.mark.parametrize("where", FILES)
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_float_that_is_no_number_is_kept_as_text_and_said_to_be(tmp_path: Path, where: str, word: str) -> None:
    items, place = put(f'{{"n": [{word}], "said": "NaN, \\"Infinity"}}'.encode(), where, tmp_path)

    record = items[place]
    assert isinstance(record, Record)
    assert holds({"n": [word], "said": 'NaN, "Infinity'}, json.loads(record.event.data))
    assert json.loads(record.event.metadata)["numbers_as_text"] == [word]
    assert all(isinstance(item, Record) for item in items)
    assert sum("numbers_as_text" in item.event.metadata for item in items if isinstance(item, Record)) == 1


def holds(value: object, within: Any) -> bool:
    if value == within:
        return True
    inner = within.values() if isinstance(within, dict) else within if isinstance(within, list) else ()
    return any(holds(value, one) for one in inner)


@pytest.mark.parametrize(
    "where", [where for where, (_, _, content, _) in FILES.items() if not isinstance(content, tuple)]
)
def test_a_document_that_breaks_off_gives_its_whole_records_and_says_so(tmp_path: Path, where: str) -> None:
    format, name, content, place = FILES[where]
    text = json.dumps(content).encode()

    items = read_items(FORMATS[format], tmp_path / name, text[: text.index(HERE.encode())])

    *sound, last = items
    assert isinstance(last, Broken)
    assert "breaks off" in last.reason
    records = [item for item in sound if isinstance(item, Record)]
    assert len(records) == place
    assert len(sound) - len(records) <= 2, "only what the break goes through is refused"
