"""The projection `latest`: the value of each key after all events of a stream; and a factory for projections like it.

Two agents may write different values of one key. A policy decides between them when the events are folded; so another
policy is another projection over the same log, and no value is lost. Declare one in an app's `projections.py`:

    def lowest(old, new, event):
        return min(old, new)

    prices = merging("prices", about="The lowest price that any agent saw.", policy=lowest)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from projections import STREAM, Decoded, Json, Key, Projection

Policy: TypeAlias = Callable[[Any, Any, Decoded], Any]
"""`(current value, value of the event, event) -> value`, for a key that exists already. Pure."""


def last_writer_wins(stands: Json, says: Json, happened: Decoded) -> Json:
    """Return the value of the last event."""
    return says


def first_writer_wins(stands: Json, says: Json, happened: Decoded) -> Json:
    """Return the value of the first event."""
    return stands


def said(data: Json) -> dict[str, Any]:
    """Return the keys and values of an event's data. Data that is not an object has one key, `value`."""
    return data if isinstance(data, dict) else {"value": data}


def merging(
    name: str,
    *,
    about: str,
    policy: Policy = last_writer_wins,
    version: int = 1,
    types: tuple[str, ...] = ("*",),
    key: Key = STREAM,
    query: str = "",
    materialised: bool = False,
) -> Projection:
    """Return a projection that merges the data of events of some types into an object, key by key.

    It merges one level: a nested object replaces the one before it as a whole. That is what most logs mean by a field,
    and halves of two events never form an object that nobody sent. A policy may merge deeper.
    """
    projection = Projection(
        name,
        about=about,
        version=version,
        key=key,
        query=query,
        materialised=materialised,
        settings={"policy": f"{policy.__module__}.{policy.__qualname__}"},
    )

    @projection.on(*types)
    def merge(state: dict[str, Json], happened: Decoded) -> Json:
        says = said(happened.data)
        if policy is last_writer_wins:
            return {**state, **says}
        settled = {name: policy(state[name], value, happened) for name, value in says.items() if name in state}
        return {**state, **says, **settled}

    return projection


latest = merging(
    "latest",
    about=(
        "The data of all events so far, merged key by key: the last one to name a key wins."
        " Data that is no object is kept under “value”."
    ),
)
