"""The descriptions, for OpenAPI, that the operations on projections and replays share."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from events.api.openapi import header, read_operation
from projections.api.schemas import JobOut

IF_NONE_MATCH = header("If-None-Match", "The ETag of the answer that you have: 304 if it has not changed")


def fold_operation(body: type[Struct], query: type[Struct], *, text: str | None = None) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation whose answer is folded.

    A long fold is a job, the reducer may raise, and an unchanged answer is not sent again. `text` is the media type
    of the answer besides JSON.
    """
    also = {202: JobOut, 304: None}
    return read_operation(body, query, also=also, refuses=[409], text=text, headers=[IF_NONE_MATCH])
