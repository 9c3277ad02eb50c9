"""The texts that write a whole number."""

from __future__ import annotations

import pytest

from events.digits import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_ascii_digits_write_a_whole_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", " 1", "1\n", "+1", "-1", "1_000", "1.0", "²", "٣", "９", "1" * 19, "1" * 5_000])
def test_no_other_text_writes_one_and_none_raises(text: str) -> None:
    assert whole_number(text) is None


def test_a_number_of_more_digits_than_are_allowed_is_none() -> None:
    assert whole_number("123", max_digits=3) == 123
    assert whole_number("1234", max_digits=3) is None
