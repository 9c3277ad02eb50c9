"""The path that was taught before `from projections import …`."""

from projections import AGENT, LOG, STREAM, WORKFLOW, Decoded, Json, Key, Projection, pointer  # noqa: F401
from projections.definition.projection import decode  # noqa: F401
