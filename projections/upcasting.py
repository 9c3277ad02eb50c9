"""The path that was taught before `from projections import upcaster`."""

from projections.definition.upcasting import upcaster  # noqa: F401
