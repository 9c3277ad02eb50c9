"""A projection that fails, and keeps a secret wherever a projection can keep one."""

from __future__ import annotations

from typing import Any

from projections.definition.projection import Decoded, Policy, Projection, pointer


def failing(policy: Policy, *, key: str) -> Projection:
    """Make a projection that has a field of the data in its keys, its states and the texts of its errors."""
    projection = Projection(
        policy, about="For a test.", key=pointer(f"/{key}"), initial={}, materialised=True, policy=policy
    )

    @projection.on("Charged")
    def charge(state: Any, event: Decoded) -> Any:
        if event.data.get("is_bad"):
            raise ValueError(f"{event.data[key]} is bad")
        return {**state, **event.data}

    return projection
