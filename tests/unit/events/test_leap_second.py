"""A leap second is read as the second after it, by every parser."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from django.utils.dateparse import parse_datetime

from events.leap_second import with_leap_second
from projections.api.schemas import StateQuery
from projections.views.forms import TimeField

NEW_YEAR = datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("parse", [datetime.fromisoformat, parse_datetime, partial(msgspec.convert, type=datetime)])
def test_every_parser_takes_it(parse: partial[datetime]) -> None:
    for text in ("2016-12-31T23:59:60Z", "2017-01-01T05:29:60+05:30"):
        assert with_leap_second(parse, text) == NEW_YEAR
    assert with_leap_second(parse, "2016-12-31T23:59:59Z") < NEW_YEAR
    with pytest.raises(ValueError, match="12:00:60"):
        with_leap_second(parse, "2016-12-31T12:00:60Z")


def test_a_state_is_asked_for_at_it() -> None:
    assert StateQuery(key="", at_time="2016-12-31T23:59:60Z").moment().time == NEW_YEAR
    assert TimeField().clean("2016-12-31 23:59:60") == NEW_YEAR
