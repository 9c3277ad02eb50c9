"""Trees of values are bounded, say exactly what they leave out, and lose nothing."""

from __future__ import annotations

import pytest

from events.json.pointer import at
from events.json.tree import TEXT_CHARACTERS_SHOWN, TreeMarks, TreePart, ValueMark, tree_rows
from events.json.value import loads


def texts(json: str) -> list[str]:
    return [row.text for row in tree_rows(loads(json)) if row.shape == "leaf"]


@pytest.mark.parametrize("number", ["1208925819614629174706176", "0.12345678901234567890", "0.0000001", "12.50", "-1"])
def test_numbers_keep_their_digits(number: str) -> None:
    assert texts(f'{{"n": {number}}}') == [number]


def test_a_number_that_would_be_absurdly_long_keeps_its_exponent() -> None:
    assert texts("[1e900]") == ["1E+900"]


def test_a_long_text_shows_its_first_part_and_its_exact_length() -> None:
    (row,) = tree_rows({"t": "x" * 88_054})
    assert (len(row.text), row.length, row.cut) == (TEXT_CHARACTERS_SHOWN, 88_054, True)


def test_a_long_text_is_whole_when_asked_for_by_its_pointer() -> None:
    (row,) = tree_rows({"a/b": "x" * 88_054}, whole="/a~1b")
    assert (len(row.text), row.cut) == (88_054, False)


def test_many_long_texts_do_not_add_up_to_a_huge_page() -> None:
    assert sum(len(row.text) for row in tree_rows(["x" * 5_000] * 100)) < 40_000


def test_a_long_container_counts_what_it_leaves_out() -> None:
    rows = tree_rows({"big": list(range(500))})
    assert [row.length for row in rows if row.shape == "more"] == [400]


def test_many_containers_do_not_add_up_to_a_huge_page() -> None:
    assert len(tree_rows([[0] * 90] * 90)) < 2_000


def test_every_part_that_opens_is_closed() -> None:
    rows = tree_rows({"a": [{"b": {}}, []], "c": {"d": [1]}})
    shapes = [row.shape for row in rows]
    assert shapes.count("open") == shapes.count("close") == 4


def test_a_hundred_levels_are_no_trouble() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]
    assert max(row.depth for row in tree_rows(value)) == 99


def test_characters_that_turn_the_reading_direction_are_shown_as_escapes() -> None:
    (row,) = tree_rows({"\u202eevil": "\u202etxt.exe"})
    assert (row.key, row.text) == ("\\u202eevil", '"\\u202etxt.exe"')


def test_a_pointer_finds_what_stands_there() -> None:
    assert at({"a/b": [{"~": 1}]}, "/a~1b/0/~0") == 1


@pytest.mark.parametrize("pointer", ["/x", "/list/9", "/list/-1", "/list/01x", "/list/0/deeper", "no-slash"])
def test_a_pointer_to_nothing_is_a_lookup_error(pointer: str) -> None:
    with pytest.raises(LookupError):
        at({"list": [1]}, pointer)


def test_large_unchanged_containers_are_left_for_later() -> None:
    value = {"big": list(range(500)), "small": [1, 2]}
    rows = tree_rows(value, marks=TreeMarks(), part=TreePart())
    assert [(row.key, row.is_later) for row in rows if row.shape == "open"] == [("big", True), ("small", False)]
    assert [row.text for row in rows if row.shape == "leaf"] == ["1", "2"]
    (part,) = (row for row in tree_rows(value["big"], part=TreePart("/big", 1, 200)) if row.shape == "more")
    assert (part.pointer, part.first, part.length, part.depth) == ("/big", 300, 200, 1)


def test_parts_that_are_opened_one_after_the_other_are_all_of_it() -> None:
    leaves, skip = [], 0
    while True:
        rows = tree_rows(list(range(450)), marks=TreeMarks(), part=TreePart("", 0, skip))
        leaves += [row.text for row in rows if row.shape == "leaf"]
        more = [row.first for row in rows if row.shape == "more"]
        if not more:
            break
        (skip,) = more
    assert leaves == [str(n) for n in range(450)]


@pytest.mark.parametrize("value", [list(range(500)), {str(n): n for n in range(500)}])
def test_a_change_is_shown_however_far_down_it_is(value: object) -> None:
    rows = tree_rows(
        value, marks=TreeMarks(at={"/499": ValueMark("chg", 0), "/7": ValueMark("chg", 0)}), part=TreePart()
    )
    assert [row.key for row in rows if row.mark] == ["7", "499"]
    assert [row.length for row in rows if row.shape == "more"] == [399]


def test_a_new_part_is_open_unless_it_is_too_large() -> None:
    marks = TreeMarks(at={"/few": ValueMark("add"), "/many": ValueMark("add")})
    rows = tree_rows({"few": list(range(50)), "many": list(range(5_000))}, marks=marks, part=TreePart())
    assert [(row.key, row.unfolded, row.is_later) for row in rows if row.shape == "open"] == [
        ("few", True, False),
        ("many", False, True),
    ]


def test_only_what_changed_is_shown_with_the_way_to_it() -> None:
    marks = TreeMarks(
        at={"/a": ValueMark("within"), "/a/1": ValueMark("chg", 0), "/c": ValueMark("add")},
        removed={"/a": {"9": "was"}},
    )
    rows = tree_rows({"a": [1, 2, 3], "b": 1, "c": {"d": 4, "e": [5]}}, marks=marks, part=TreePart(only_changed=True))
    assert [row.key for row in rows if row.shape != "close"] == ["a", "1", "9", "c", "d", "e", "0"]
