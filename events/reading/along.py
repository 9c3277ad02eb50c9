"""The order of a read: by position or version, and with blocks where the index of a name can serve.

An index of names knows only the block of a position (`events.blocks`). So a read that gives a name orders by block and
position, which is the same order, and a read that may use such an index bounds the block beside the position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from events import blocks
from events.columns import block_of

_NAMES = frozenset({"type", "agent", "correlation_id", "causation_id"})
"""Columns whose index knows the block."""


@dataclass(frozen=True, slots=True)
class Along:
    """The column by which a read goes; whether it bounds the blocks of positions, too, and whether it orders by them.

    Without a name, events come along the key, which has no blocks: it would be sorted for an order by them.
    """

    column: Literal["position", "version"]
    bounds_blocks: bool = False
    orders_blocks: bool = False

    @classmethod
    def of(cls, condition: Q) -> Along:
        """Return the order of the events that fit a condition on events."""
        return cls("position", _mentions_name(condition), _gives_name(condition))

    def between(self, after: int | None, before: int | None) -> Q:
        """Return the condition that a position is between two others (both exclusive)."""
        bounds = Q()
        if after is not None:
            bounds &= Q(position__gt=after)
            if self.bounds_blocks:
                bounds &= Q(GreaterThanOrEqual(block_of("position"), blocks.number(after)))
        if before is not None:
            bounds &= Q(position__lt=before)
            if self.bounds_blocks:
                bounds &= Q(LessThanOrEqual(block_of("position"), blocks.number(before)))
        return bounds

    def order(self, *, backward: bool) -> list[OrderBy]:
        """Return the order of positions, for Django."""
        order = [OrderBy(F("position"), descending=backward)]
        return [OrderBy(block_of("position"), descending=backward), *order] if self.orders_blocks else order

    @property
    def slice_sql(self) -> str:
        """The SQL of the bounds of a slice; `slice_values()` are its values."""
        bounds = f"{self.column} between %s and %s"
        return f"{bounds} and {blocks.block('position')} between %s and %s" if self.bounds_blocks else bounds

    def slice_values(self, first: int, last: int) -> list[int]:
        """Return the values of the bounds of a slice: its first and last place, and their blocks if the SQL has any."""
        return [first, last, *(map(blocks.number, (first, last)) if self.bounds_blocks else ())]

    def order_sql(self, direction: str) -> str:
        """Return the order of places, in SQL."""
        return blocks.by_block("position", direction) if self.orders_blocks else f"{self.column} {direction}"


BY_POSITION, BY_VERSION = Along("position"), Along("version")


def _gives_name(condition: Q) -> bool:
    """Return whether all events that fit bear one name of an index."""
    return (
        condition.connector == Q.AND
        and not condition.negated
        and any(
            _gives_name(part) if isinstance(part, Q) else isinstance(part, tuple) and part[0] in _NAMES
            for part in condition.children
        )
    )


def _mentions_name(condition: Q) -> bool:
    """Return whether an index of names may serve a condition, or a part of it."""
    return any(
        _mentions_name(part) if isinstance(part, Q) else isinstance(part, tuple) and part[0].split("__")[0] in _NAMES
        for part in condition.children
    )
