"""The term before the caret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.query.unfinished import Unfinished, unfinished


@pytest.mark.parametrize(
    ("before", "text", "field", "beginning"),
    [
        ("", "", None, ""),
        ("type:A ", "", None, ""),
        ("ty", "ty", None, "ty"),
        ("a (-type:Or", "type:Or", "type", "Or"),
        ('"a b" agent:"x \\" y', 'agent:"x \\" y', "agent", 'x " y'),
        ('"a b', '"a b', None, "a b"),
        ('data."ship to".ci', 'data."ship to".ci', None, 'data."ship to".ci'),
        ('data."a:b".c[*]:"x', 'data."a:b".c[*]:"x', 'data."a:b".c[*]', "x"),
        ("type:Ord*", "type:Ord*", "type", "Ord"),
        ('agent:"a\\', 'agent:"a\\', "agent", "a\\"),
    ],
)
def test_the_term_is_found_however_it_is_quoted(before: str, text: str, field: str | None, beginning: str) -> None:
    term = unfinished(before, "")
    assert term
    assert (term.text, term.field, term.beginning) == (text, field, beginning)


def test_the_rest_of_the_query_stays() -> None:
    assert unfinished("a -ty", " b") == Unfinished("ty", None, "ty", "a   b")
    assert unfinished("(ty", ")") == Unfinished("ty", None, "ty", "( )")
    assert unfinished("ty", "pe:A") is None


@given(st.text(alphabet='ab.:"\\()[*] -\n', max_size=30), st.text(alphabet='a") ', max_size=3))
def test_the_term_ends_at_the_caret_in_any_text(before: str, behind: str) -> None:
    term = unfinished(before, behind)
    assert term is None or before.endswith(term.text)
