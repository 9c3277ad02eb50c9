"""What events mean. People who write projections import from here; every module behind these names is pure.

from projections import Projection, pointer
"""

from __future__ import annotations

from projections.types import AGENT, LOG, STREAM, WORKFLOW, Decoded, Json, Key, Projection, pointer
from projections.upcasting import upcaster

__all__ = ["AGENT", "LOG", "STREAM", "WORKFLOW", "Decoded", "Json", "Key", "Projection", "pointer", "upcaster"]
