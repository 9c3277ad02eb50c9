"""The tokens and the cost of the calls of models, added up in all, by agent and by model."""

from __future__ import annotations

from typing import Any

from projections.catalog.run_data import amount

OTHERS = "(others)"
"""The entry of all names for which a table has no room."""
_TOKENS_AND_COST = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "reasoning_tokens", "cost",
)  # fmt: skip
"""Members of a reply's data that are added up. The cost is in US dollars."""

NO_USAGE: dict[str, Any] = {"replies": 0, "input_tokens": 0, "output_tokens": 0}
"""The usage before any reply. Other members are there as soon as a reply has them."""


def with_reply(usage: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return the usage with one more reply, and with its tokens and cost as far as its data have them."""
    return with_tokens({**usage, "replies": usage.get("replies", 0) + 1}, data)


def with_tokens(usage: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return the usage with tokens and cost that are not those of a reply, such as those of an embedding."""
    more = {name: amount(data.get(name)) for name in _TOKENS_AND_COST}
    return {**usage, **{name: usage.get(name, 0) + number for name, number in more.items() if number}}


def with_failure(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the usage with one more call that the model did not answer."""
    return {**usage, "model_errors": usage.get("model_errors", 0) + 1}


def room_for(table: dict[str, Any], name: str, most: int) -> str:
    """Return the entry of a name: its own, or that of all others if the table has as many entries as it may."""
    return name if name in table or len(table) < most else OTHERS
