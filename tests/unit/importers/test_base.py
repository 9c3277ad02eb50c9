"""Files, their lines and what is wrong with them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from django.test import override_settings

from events.appending.checks import new_event
from events.errors import Invalid
from events.transfer.importers.base import Broken, Item, Record, Streamed, by_line, find, read_files
from eventsite.limits import Limits


def parse(text: bytes) -> Streamed:
    if text.strip() == b"bad":
        raise Invalid("It is bad.")
    return "order-1", new_event("order-1", "Placed", data=text.strip(), id="1")


def read(path: Path) -> list[Item]:
    return list(read_files([path], by_line(parse), progress=lambda count: None))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


def test_a_broken_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", b"1\nbad\n\n3\n")

    first, broken, last = read(path)

    assert isinstance(first, Record)
    assert first.event.data == "1"
    assert broken == Broken(f"{path}:2", "It is bad.")
    assert isinstance(last, Record)
    assert last.where == f"{path}:4"


def test_a_stream_that_no_url_could_carry_is_broken(tmp_path: Path) -> None:
    def parse_elsewhere(text: bytes) -> Streamed:
        return "a/../b", parse(text)[1]

    (item,) = read_files([write(tmp_path / "a.jsonl", b"1")], by_line(parse_elsewhere), progress=lambda count: None)

    assert isinstance(item, Broken)
    assert "stream must not" in item.reason


def test_a_zipped_file_is_read_as_the_file_in_it(tmp_path: Path) -> None:
    (item,) = read(write(tmp_path / "some.jsonl.gz", b"1\n"))

    assert isinstance(item, Record)


def test_a_cut_zipped_file_gives_its_whole_lines_and_says_that_it_breaks_off(tmp_path: Path) -> None:
    lines = b"".join(b'"%032x%064x"\n' % (i, i**9 + i) for i in range(20_000))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:-100_000])

    *items, last = read(path)

    assert items
    assert all(isinstance(item, Record) for item in items)
    assert isinstance(last, Broken)
    assert "can't be read on" in last.reason
    assert last.where == f"{path}:{len(items) + 1}"


def test_what_only_claims_to_be_zipped_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(b"1\n")

    (item,) = read(path)

    assert isinstance(item, Broken)


def test_a_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    end, start = os.pipe()
    os.write(start, b"1\n2\n")
    os.close(start)

    items = read(Path(f"/dev/fd/{end}"))

    os.close(end)
    assert [type(item) for item in items] == [Record, Record]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert read(write(tmp_path / "empty.jsonl", b"")) == []


def test_a_line_beyond_the_limit_is_refused_without_being_held(tmp_path: Path) -> None:
    path = write(tmp_path / "long.jsonl", b'"' + b"x" * 5_000 + b'"\n2\n' + b"y" * 3_000)

    with override_settings(EVENTSITE=Limits(request_max_bytes=1_000)):
        first, second, third = read(path)

    assert first == Broken(f"{path}:1", "The line is longer than 1,000 bytes.")
    assert isinstance(second, Record)
    assert second.where == f"{path}:2"
    assert isinstance(third, Broken)


def test_a_directory_gives_its_files_of_the_format_in_order(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.jsonl", "a.jsonl.gz", "LICENSE", "below/c.jsonl"):
        write(tmp_path / name, b"")

    found = find([tmp_path], (".jsonl",))

    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.jsonl.gz", "b.jsonl", "below/c.jsonl"]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "export", b"")

    assert find([path], (".jsonl",)) == [path]


def test_a_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing.jsonl"):
        find([tmp_path / "missing.jsonl"], (".jsonl",))


def test_progress_counts_the_bytes_of_the_file_as_it_lies_there(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl.gz", b"1\n2\n3\n")
    counts: list[int] = []

    list(read_files([path], by_line(parse), progress=counts.append))

    assert sum(counts) == path.stat().st_size
