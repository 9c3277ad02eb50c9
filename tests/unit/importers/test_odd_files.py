"""Each record of any file is read or refused: no format ever fails as a whole."""

from __future__ import annotations

import json
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from events.appending.checks import check_stream
from events.transfer.importers import FORMATS
from events.transfer.importers.base import Broken, Item, Record, SourceFile
from eventsite.limits import Limits
from tests.support.odd_files import SHAPES, file_of, odd_files

RUNS = sorted(FORMATS.keys() - {"eventsite", "github-archive"})
"""Formats that make the ids and the causes of their events themselves."""


def read_items(format: str, name: str, content: bytes) -> list[Item]:
    with override_settings(EVENTSITE=Limits(event_max_bytes=3_000)):
        return list(FORMATS[format].read(SourceFile(Path(name), BufferedReader(BytesIO(content)))))


@pytest.mark.parametrize("format", FORMATS)
def test_the_files_are_sound_before_anything_odd_is_put_in(format: str) -> None:
    for name, content in SHAPES[format]:
        items = read_items(format, name, file_of(format, name, content))

        assert len(items) > 1
        assert [item for item in items if isinstance(item, Broken)] == []


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150)
@given(data=st.data())
def test_each_record_is_read_or_refused_with_its_place_and_the_reason(format: str, data: st.DataObject) -> None:
    name, content = data.draw(odd_files(format))

    for item in read_items(format, name, content):
        assert item.where.startswith(f"{name}:")
        if isinstance(item, Broken):
            assert item.reason
        else:
            check_stream(item.stream)
            json.loads(item.event.data)
            json.loads(item.event.metadata)


@pytest.mark.parametrize("format", RUNS)
@settings(max_examples=150)
@given(data=st.data())
def test_a_cause_is_an_event_that_came_before(format: str, data: st.DataObject) -> None:
    name, content = data.draw(odd_files(format))

    ids: set[str | None] = {None}
    for item in read_items(format, name, content):
        if isinstance(item, Record):
            assert item.event.causation_id in ids
            ids.add(item.event.id)
