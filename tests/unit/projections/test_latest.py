"""Merging: when two events give one key different values, the policy decides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from projections.catalog.latest import first_writer_wins, latest, merging
from projections.definition.projection import Decoded
from tests.support.histories import History


def history() -> History:
    history_of_order = History()
    history_of_order.say("Quoted", {"price": 12, "by": "a"})
    history_of_order.say("Quoted", {"price": 9})
    history_of_order.say("Quoted", {"price": 10, "by": "c"})
    return history_of_order


def lowest(stands: Any, says: Any, happened: Decoded) -> Any:
    return min(stands, says) if isinstance(says, int) else says


def test_the_last_writer_wins() -> None:
    assert history().folded(latest) == {"price": 10, "by": "c"}


def test_the_first_writer_wins_where_that_is_the_policy() -> None:
    assert history().folded(merging("first", about="", policy=first_writer_wins)) == {"price": 12, "by": "a"}


def test_a_resolver_decides_where_a_key_is_there_already() -> None:
    assert history().folded(merging("lowest", about="", policy=lowest)) == {"price": 9, "by": "c"}


def test_only_the_types_that_are_named_are_merged() -> None:
    history_of_order = history()
    history_of_order.say("Withdrawn", {"price": 0})
    assert history_of_order.folded(merging("quotes", about="", types=("Quoted",))) == {"price": 10, "by": "c"}


def test_the_examples_of_the_built_in_projections_can_be_declared() -> None:
    text = (Path(__file__).parents[3] / "docs" / "projections.md").read_text()
    examples = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "projections.catalog" in code]
    declared: dict[str, Any] = {}
    for code in examples:
        exec(code, declared)
    assert history().folded(declared["prices"]) == {}
    assert declared["payments"].initial["state"] == "Idle"
