"""Answers as values: what was asked for, or the error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from eventsite_client._core.requests import Many, Request
from eventsite_client.errors import EventsiteError, NotReady, Unavailable, UnexpectedAnswer, error_of
from eventsite_client.types import Appended

T = TypeVar("T")

_PROBLEM = "application/problem+json"
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def read(request: Request[T], answer: Answer) -> T:
    """Return what a request asked for.

    Raises:
        EventsiteError: the server refused the request, or is not Eventsite.
    """
    if answer.status in (200, 201, 204) or (answer.status == 202 and request.takes_job):
        try:
            return msgspec.json.decode(answer.body or b"null", type=request.gives)
        except msgspec.DecodeError as error:
            raise _unexpected(request, answer, str(error)) from None
    raise problem_of(request, answer)


def problem_of(request: Request[Any], answer: Answer) -> EventsiteError:
    """Return the error that an answer stands for."""
    retry_after = _seconds(answer.headers.get("retry-after", ""))
    problem = _members(answer)
    if answer.status == 202:
        detail = f"The job {problem.get('id')} folds the events first."
        return NotReady(detail, status=202, members=problem, retry_after=retry_after or 1.0)
    if "code" not in problem:
        return _unexpected(request, answer, "no problem of the API", retry_after)
    return error_of(answer.status, problem, retry_after=retry_after, ids=request.ids)


def all_appended(answer: Appended | Many) -> list[Appended]:
    """Return the places that an append gave, for each of its streams."""
    if isinstance(answer, Appended):
        return [answer]
    return [msgspec.json.decode(result.body, type=Appended) for result in answer.results]


def _members(answer: Answer) -> dict[str, Any]:
    if not answer.headers.get("content-type", "").startswith((_PROBLEM, "application/json")):
        return {}
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _unexpected(request: Request[Any], answer: Answer, reason: str, retry_after: float | None = None) -> EventsiteError:
    """Return the error for an answer that a proxy gave, or another service."""
    text = answer.body[:_SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
    detail = f"The answer is not Eventsite's ({reason}): {text or 'it is empty'}"
    kind = Unavailable if answer.status in (429, 502, 503, 504) else UnexpectedAnswer
    code = UnexpectedAnswer.codes[0]
    return kind(detail, code=code, status=answer.status, retry_after=retry_after, ids=request.ids)


def _seconds(text: str) -> float | None:
    """Return the seconds of a `Retry-After`; None for a date, which is as good as none."""
    return float(text) if text.isascii() and text.isdigit() else None
