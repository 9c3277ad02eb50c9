"""JSON values for properties: nested, with the numbers that Python confuses."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from projections.values.change import Json

# No event holds U+0000: Postgres can't store it.
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
_ATOMS: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2) | st.integers(),
    st.sampled_from([Decimal("1.0"), Decimal("0.1"), Decimal("1E+3")]),
    st.sampled_from(["", "a", "b", "x/y", "~"]) | _TEXTS,
)
KEYS = st.sampled_from(["a", "b", "", "x/y", "~0", "1"])


def _deeper(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=4)


VALUES: st.SearchStrategy[Json] = st.recursive(_ATOMS, _deeper, max_leaves=12)
