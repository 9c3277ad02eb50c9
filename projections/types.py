"""The old import path of the names that `projections` has, which earlier documentation taught."""

from projections import AGENT, LOG, STREAM, WORKFLOW, Decoded, Json, Key, Projection, pointer  # noqa: F401
from projections.definition.projection import decode  # noqa: F401
