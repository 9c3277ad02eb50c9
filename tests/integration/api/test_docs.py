"""docs/api.md is true: its examples are run in order on one log, its tables are compared with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx

from events import errors
from events.query import errors as query_errors
from eventsite.limits import Limits
from projections import errors as projection_errors

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```http\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def lines(block: str, mark: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith(mark)]


def agrees(shown: Any, got: Any) -> bool:
    """Whether an answer is as shown, where `…` stands for any text."""
    if shown == "…":
        return isinstance(got, str) and bool(got)
    if isinstance(shown, dict) and isinstance(got, dict):
        return shown.keys() == got.keys() and all(agrees(shown[key], got[key]) for key in shown)
    if isinstance(shown, list) and isinstance(got, list):
        return len(shown) == len(got) and all(map(agrees, shown, got))
    return bool(shown == got)


async def test_every_example_is_answered_as_shown(api: httpx.AsyncClient) -> None:
    assert len(BLOCKS) == PAGE.count("```http") > 0
    for block in BLOCKS:
        request, *body = lines(block, ">")
        method, path = request.split()
        headers = {}
        if body and body[0].startswith("Content-Type: "):
            headers["Content-Type"] = body.pop(0).removeprefix("Content-Type: ")
        status, *answer = lines(block, "<")
        got = await api.request(method, path, content="\n".join(body), headers=headers)
        assert got.status_code == int(status), got.text
        assert agrees(json.loads("\n".join(answer)), got.json()), got.text


def test_every_error_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`[a-z`, -]+) \| (\d{3}) \|", PAGE, re.MULTILINE)
    shown = {(code, int(status)) for codes, status in rows for code in re.findall(r"`([^`]+)`", codes)}
    named = {**vars(errors), **vars(query_errors), **vars(projection_errors)}
    family = [error for error in named.values() if isinstance(error, type) and issubclass(error, errors.EventsError)]
    of_pages = {errors.AddressTooLong, errors.NoSuchWorkflow, errors.TooManySockets}
    assert shown == {(error.code, error.status) for error in set(family) - of_pages}


def test_every_limit_of_a_request_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    shown = {name.lower(): int(default.replace(",", "")) for name, default in rows}
    defaults = vars(Limits())
    assert shown == {
        name: defaults[name] for name in defaults if name.startswith(("event_", "request_", "na", "number_"))
    }
