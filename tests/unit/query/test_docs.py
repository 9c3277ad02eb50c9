"""docs/query.md is true."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from events.query.errors import InvalidQuery
from events.query.match import event_matcher, step_matcher
from events.query.parse import parse
from events.query.tree import leaves
from events.types import Event

DOCS = (Path(__file__).parents[3] / "docs" / "query.md").read_text()
EXAMPLES = re.findall(r"^([✓✗]) (.+)$", DOCS, re.MULTILINE)
ERRORS = re.findall(r"^\| `([^`]+)` \| (Column .+) \|$", DOCS, re.MULTILINE)


def _event() -> Event:
    text = re.search(r"```json\n(.+?)```", DOCS, re.DOTALL)
    assert text
    fields: dict[str, Any] = json.loads(text[1])
    for name in ("occurred_at", "recorded_at"):
        fields[name] = datetime.fromisoformat(fields[name])
    for name in ("data", "metadata"):
        fields[name] = json.dumps(fields[name])
    return Event(schema_version=1, **fields)


def _state() -> Any:
    text = re.search(r"has the state `([^`]+)`", DOCS)
    assert text
    return json.loads(text[1])


@pytest.mark.parametrize(("mark", "query"), EXAMPLES)
def test_an_example_does_what_the_page_says(mark: str, query: str) -> None:
    tree = parse(query)
    if "state" in query or "changed" in query:
        fits = step_matcher(tree)(_event(), _state(), ["/status", "/assignments/0"])
    else:
        fits = event_matcher(tree)(_event())
    assert fits is (mark == "✓")
    assert list(leaves(tree))


@pytest.mark.parametrize(("query", "answer"), ERRORS)
def test_an_error_reads_as_the_page_says(query: str, answer: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(query)
    assert caught.value.detail == answer


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) > 50
    assert len(ERRORS) > 5
