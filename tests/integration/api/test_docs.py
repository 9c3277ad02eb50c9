"""docs/api.md is true: its examples run in order on one log, and its tables agree with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from events import errors
from events.access.tokens import create_token
from events.models import Log, Scope
from events.query import errors as query_errors
from events.subscriptions import errors as subscription_errors
from eventsite.limits import Limits
from projections import errors as projection_errors
from tests.support.placeholders import PLACEHOLDER, Answers

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```http\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def lines(block: str, mark: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith(mark)]


def agrees(documented: Any, answer: Any) -> bool:
    """Whether an answer equals the one in the docs, where `…` stands for any text."""
    if documented == "…":
        return isinstance(answer, str) and bool(answer)
    if isinstance(documented, dict) and isinstance(answer, dict):
        return documented.keys() == answer.keys() and all(agrees(documented[key], answer[key]) for key in documented)
    if isinstance(documented, list) and isinstance(answer, list):
        return len(documented) == len(answer) and all(map(agrees, documented, answer))
    return bool(documented == answer)


def completed(body: str, answers: Answers) -> str:
    """Return a body with what its `…` stand for: values of an earlier answer."""
    return json.dumps(answers.complete(json.loads(body))) if PLACEHOLDER in body else body


@pytest.fixture
def token(log: Log) -> str:
    """The token of the examples: one of them pauses an agent."""
    return create_token(log, name="docs", scopes=[Scope.ADMIN])


async def test_every_example_is_answered_as_shown(api: httpx2.AsyncClient) -> None:
    assert len(BLOCKS) == PAGE.count("```http") > 0
    answers = Answers()
    for block in BLOCKS:
        request, *body = lines(block, ">")
        method, path = request.split()
        headers = {}
        if body and body[0].startswith("Content-Type: "):
            headers["Content-Type"] = body.pop(0).removeprefix("Content-Type: ")
        status, *answer = lines(block, "<")
        response = await api.request(method, path, content=completed("\n".join(body), answers), headers=headers)
        assert response.status_code == int(status), response.text
        answers.note(response.json())
        assert agrees(json.loads("\n".join(answer)), response.json()), response.text


def test_every_error_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`[a-z`, -]+) \| (\d{3}) \|", PAGE, re.MULTILINE)
    documented = {(code, int(status)) for codes, status in rows for code in re.findall(r"`([^`]+)`", codes)}
    classes = {**vars(errors), **vars(query_errors), **vars(subscription_errors), **vars(projection_errors)}
    family = [error for error in classes.values() if isinstance(error, type) and issubclass(error, errors.EventsError)]
    of_pages = {errors.AddressTooLong, errors.NoSuchWorkflow, errors.TooManySockets}
    assert documented == {(error.code, error.status) for error in set(family) - of_pages}


def test_every_limit_of_a_request_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    documented = {name.lower(): int(default.replace(",", "")) for name, default in rows}
    defaults = vars(Limits())
    assert documented == {
        name: defaults[name] for name in defaults if name.startswith(("event_", "request_", "na", "number_"))
    }
