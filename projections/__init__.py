"""The public names for authors of projections. The modules of these names are pure.

from projections import Projection, pointer
"""

from __future__ import annotations

from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Decoded, Key, Projection, pointer
from projections.definition.upcasting import upcaster
from projections.values.change import Json

__all__ = ["AGENT", "LOG", "STREAM", "WORKFLOW", "Decoded", "Json", "Key", "Projection", "pointer", "upcaster"]
