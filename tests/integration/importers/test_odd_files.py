"""The log accepts all that a format reads from an odd file."""

from __future__ import annotations

from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.appending.checks import new_append
from events.errors import IdConflict
from events.transfer.importers import FORMATS
from events.transfer.importers.base import Record, SourceFile
from events.types import Appended
from tests.support.commands import append
from tests.support.factories import make_log
from tests.support.odd_files import odd_files


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_log_takes_each_event_that_was_read(database: None, format: str, data: st.DataObject) -> None:
    name, content = data.draw(odd_files(format))
    items = FORMATS[format].read(SourceFile(Path(name), BufferedReader(BytesIO(content))))
    records = [item for item in items if isinstance(item, Record)]

    outcomes = append(make_log(), *(new_append(record.stream, [record.event]) for record in records))

    ids: set[str] = set()
    for record, outcome in zip(records, outcomes, strict=True):
        # An id that occurs twice in a file is one event, or a conflict that is reported.
        assert isinstance(outcome, Appended) or (isinstance(outcome, IdConflict) and record.event.id in ids), outcome
        ids.add(record.event.id)
