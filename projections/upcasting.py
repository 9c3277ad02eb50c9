"""The old import path of `upcaster`, which earlier documentation taught."""

from projections.definition.upcasting import upcaster  # noqa: F401
