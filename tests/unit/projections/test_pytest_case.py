"""A step as a test: Python that runs, whatever stands in the events."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from projections.catalog.latest import latest
from projections.replay.copies.pytest_case import pytest_case
from projections.testing import event

HIDDEN = "\u202e\u2066\u200b\u3164\ufeff\U000e0041"


@pytest.mark.parametrize("name", [HIDDEN, f'"""{HIDDEN}\\', f"\\{HIDDEN}"])
def test_no_hidden_character_stands_in_a_copied_case_and_it_passes(name: str) -> None:
    events = [event(f"type{name}", {name: [name, {"inner": name}]}, stream=f"order{name}", agent=name, id=name)]
    expected: Any = {name: [name, {"inner": name}]}
    source = pytest_case(latest, events, given=None, expected=expected, title=f"stream order{name}", about=name)
    assert not [each for each in source if unicodedata.category(each) == "Cf" or each == "\u3164"]
    names: dict[str, Any] = {}
    exec(compile(source, "case.py", "exec"), names)
    [test] = [value for key, value in names.items() if key.startswith("test_")]
    test()
