"""The causes of a change, as a page lists them."""

from __future__ import annotations

from dataclasses import dataclass

from events.types import Event


@dataclass(frozen=True, slots=True)
class Because:
    """An event of the chain that led to a change. If it is in the window, `url` and `label` are those of its step."""

    event: Event
    label: str
    url: str | None
