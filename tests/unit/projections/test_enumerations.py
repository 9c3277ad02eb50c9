"""Lists in the words of a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog.enumerations import Enumeration, enumerations

TABLE = """I clicked 'Domestic'.

Rank | Release Group | Worldwide

--- | --- | ---
3 | Bad Boys for Life | $426,505,244
6 | Sonic the Hedgehog | $319,715,683
11 | Birds of Prey | $205,358,461
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Common Movies:\n1. Tenet\n2. Onward\n\nHence two.", [Enumeration("Common Movies", ("Tenet", "Onward"))]),
        ("**Plan**\n\n1) **Look**\n   - here\n\n2) See", [Enumeration("Plan", ("Look", "See"))]),
        ("1. [A](https://a.example)\n2. B", [Enumeration("", ("A", "B"))]),
        ("A\n1. x\n2. y\nB\n1. z\n2. w", [Enumeration("A", ("x", "y")), Enumeration("B", ("z", "w"))]),
        ("A\n1. x\n2. y\n1. z\n2. w", [Enumeration("A", ("x", "y")), Enumeration("A", ("z", "w"))]),
        (TABLE, [Enumeration("Domestic", ("Bad Boys for Life", "Sonic the Hedgehog", "Birds of Prey"), is_table=True)]),
        ("Domestic | International | Worldwide", []),
        ("only\n1. one", []),
        ("```\n1. x\n2. y\n```", []),
        ("In 2020. 3. that", []),
        ("", []),
    ],
)
def test_lists_are_found_with_what_stands_above_them(text: str, expected: list[Enumeration]) -> None:
    assert list(enumerations(text)) == expected


@given(st.text(alphabet="1234.| -a*\n\t`[]()'I "))
def test_any_text_is_taken(text: str) -> None:
    for enumeration in enumerations(text):
        assert len(enumeration.items) > 1
        assert len(enumeration.heading) <= 120
