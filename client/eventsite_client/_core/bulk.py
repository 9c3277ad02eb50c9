"""Appends in bulk: one event a line, each an append of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from eventsite_client._core import json
from eventsite_client._core.ids import new_id
from eventsite_client._core.requests import Request, in_run
from eventsite_client.errors import LeaseNeeded, Paused, Unavailable, class_of
from eventsite_client.types import NewEvent

DEFECT = "error"
"""The code of an error that the server did not foresee."""

_encoded = lru_cache(maxsize=1_000)(json.encode)
"""Returns the name of a stream as JSON."""


class LineError(Struct):
    """The reason why a line was not appended. Lines count from 1."""

    line: int
    code: str
    detail: str


class Bulk(Struct):
    """The answer to lines. It reports the first hundred errors."""

    appended: int
    replayed: int
    failed: int
    errors: list[LineError]

    @property
    def is_complete(self) -> bool:
        """Whether it reports all errors."""
        return self.failed == len(self.errors)


def line_of(stream: str, event: NewEvent) -> bytes:
    """Return an event as a line, with an id.

    Raises:
        TypeError, ValueError: JSON can't hold its data.
    """
    event = in_run(event)
    id = "" if event.id is not None else f'"id":"{new_id()}",'
    text = b'{"stream":%b,%b%b' % (_encoded(stream), id.encode(), json.encode(event)[1:])
    return text.replace(b"\n", b" ") + b"\n"  # data of `msgspec.Raw` may have breaks


def request(lines: Iterable[bytes]) -> Request[Bulk]:
    """Return the request that appends lines."""
    return Request("POST", "/events", Bulk, b"".join(lines), headers={"Content-Type": "application/x-ndjson"})


def passes(error: LineError) -> bool:
    """Return whether a line may be appended later, as the server was busy only."""
    return issubclass(class_of(error.code), Unavailable)


def is_defect(error: LineError) -> bool:
    """Return whether the server has a defect, which it may show at this line only."""
    return error.code == DEFECT


def waits(error: LineError) -> bool:
    """Return whether a line may be appended later: its agent or workflow is paused, or the log demands a lease."""
    return issubclass(class_of(error.code), Paused | LeaseNeeded)
