"""Files, their lines, and the faults in them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from django.test import override_settings

from events.appending.checks import new_event
from events.errors import Invalid
from events.transfer.importers import FORMATS
from events.transfer.importers.base import Broken, Item, Record, Streamed, by_line, find, read_files
from eventsite.limits import Limits
from tests.support.odd_files import SHAPES, file_of


def parse(text: bytes) -> Streamed:
    if text.strip() == b"bad":
        raise Invalid("It is bad.")
    return "order-1", new_event("order-1", "Placed", data=text.strip(), id="1")


def read_items(path: Path) -> list[Item]:
    return list(read_files([path], by_line(parse), progress=lambda count: None))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


def test_a_broken_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", b"1\nbad\n\n3\n")

    first, broken, last = read_items(path)

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
    (item,) = read_items(write(tmp_path / "some.jsonl.gz", b"1\n"))

    assert isinstance(item, Record)


def test_a_cut_zipped_file_gives_its_whole_lines_and_says_that_it_breaks_off(tmp_path: Path) -> None:
    lines = b"".join(b'"%032x%064x"\n' % (i, i**9 + i) for i in range(20_000))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:-100_000])

    *items, last = read_items(path)

    assert items
    assert all(isinstance(item, Record) for item in items)
    assert isinstance(last, Broken)
    assert "The rest of the file can't be read" in last.reason
    assert last.where == f"{path}:{len(items) + 1}"


def test_a_file_that_only_claims_to_be_zipped_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(b"1\n")

    (item,) = read_items(path)

    assert isinstance(item, Broken)


def test_a_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    end, start = os.pipe()
    os.write(start, b"1\n2\n")
    os.close(start)

    items = read_items(Path(f"/dev/fd/{end}"))

    os.close(end)
    assert [type(item) for item in items] == [Record, Record]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert read_items(write(tmp_path / "empty.jsonl", b"")) == []


def test_a_line_beyond_the_limit_is_refused_without_being_held(tmp_path: Path) -> None:
    path = write(tmp_path / "long.jsonl", b'"' + b"x" * 5_000 + b'"\n2\n' + b"y" * 3_000)

    with override_settings(EVENTSITE=Limits(request_max_bytes=1_000)):
        first, second, third = read_items(path)

    assert first == Broken(f"{path}:1", "The line is longer than 1,000 bytes.")
    assert isinstance(second, Record)
    assert second.where == f"{path}:2"
    assert isinstance(third, Broken)


def test_a_directory_gives_its_files_of_the_format_in_order(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.jsonl", "a.jsonl.gz", "LICENSE", "below/c.jsonl"):
        write(tmp_path / name, b"")

    files = find([tmp_path], (".jsonl",))

    assert [str(path.relative_to(tmp_path)) for path in files] == ["a.jsonl.gz", "b.jsonl", "below/c.jsonl"]


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


def test_a_byte_order_mark_is_skipped_wherever_a_line_begins_with_one(tmp_path: Path) -> None:
    lines = [b'{"stream": "a", "id": "%d", "type": "T", "data": 1}\n' % n for n in range(3)]
    path = write(tmp_path / "joined.jsonl", b"\xef\xbb\xbf" + lines[0] + lines[1] + b"\xef\xbb\xbf" + lines[2])

    items = list(read_files([path], FORMATS["eventsite"].read, progress=lambda count: None))

    assert [item.event.id for item in items if isinstance(item, Record)] == ["0", "1", "2"]


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_byte_order_mark_before_a_file_is_skipped_in_every_format(tmp_path: Path, format: str) -> None:
    for name, content in SHAPES[format]:
        plain, marked = file_of(format, name, content), b"\xef\xbb\xbf" + file_of(format, name, content)

        items, others = (
            list(read_files([write(tmp_path / name, text)], FORMATS[format].read, progress=lambda count: None))
            for text in (plain, marked)
        )

        assert items == others
        assert all(isinstance(item, Record) for item in others)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_in_another_encoding_is_refused_once_and_the_encoding_is_named(
    tmp_path: Path, format: str, encoding: str, suffix: str
) -> None:
    name, content = SHAPES[format][0]
    path = write(tmp_path / f"{name}{suffix}", file_of(format, name, content).decode().encode(encoding))

    (item,) = read_files([path], FORMATS[format].read, progress=lambda count: None)

    assert item == Broken(str(path), f"The file is in {encoding[:6].upper()}; only UTF-8 can be read.")


def test_a_file_of_nothing_but_a_byte_order_mark_has_no_records(tmp_path: Path) -> None:
    assert read_items(write(tmp_path / "empty.jsonl", b"\xef\xbb\xbf")) == []


def test_a_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"))
    path.write_bytes(b'{"history": [{"role": "human", "content": "?"}]}')

    items = list(read_files([path], FORMATS["who-and-when"].read, progress=lambda count: None))

    assert [type(item) for item in items] == [Record, Record]
