"""The projections there are, by name."""

from __future__ import annotations

from projections.catalog import latest
from projections.types import Projection

PROJECTIONS: dict[str, Projection] = {projection.name: projection for projection in (latest.latest,)}
