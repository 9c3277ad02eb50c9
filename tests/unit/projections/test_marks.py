"""Marks in the tree of a state."""

from __future__ import annotations

from events.json.tree import tree_rows
from projections.values.change import Json
from projections.values.diff import diff
from projections.values.tree_marks import tree_marks


def marked(before: Json, after: Json) -> dict[str, str]:
    return {row.pointer: row.mark for row in tree_rows(after, marks=tree_marks(diff(before, after))) if row.mark}


def test_changes_are_marked_and_so_is_the_way_to_them() -> None:
    assert marked({"a": {"b": [1]}, "c": 1}, {"a": {"b": [2]}, "c": 1}) == {
        "/a": "within",
        "/a/b": "within",
        "/a/b/0": "chg",
    }


def test_added_and_removed_values_are_both_shown() -> None:
    assert marked({"x": {"old/key": 1}}, {"x": {"new": 2}}) == {"/x": "within", "/x/new": "add", "/x/old~1key": "del"}


def test_a_changed_value_keeps_the_old_one_beside_it() -> None:
    (row,) = tree_rows({"a": 2}, marks=tree_marks(diff({"a": "one"}, {"a": 2})))
    assert (row.old, row.text) == ('"one"', "2")


def test_unchanged_containers_are_folded_and_changed_ones_open() -> None:
    before: Json = {"still": {"k": 1}, "new": {"k": 1}}
    after: Json = {"still": {"k": 1}, "new": {"k": 2}, "added": {"in": {"k": 1}}}
    heads = {
        row.key: row.unfolded for row in tree_rows(after, marks=tree_marks(diff(before, after))) if row.shape == "open"
    }
    assert heads == {"still": False, "new": True, "added": True, "in": True}
