"""The projection `latest`: what the events of a stream said last about each key."""

from __future__ import annotations

from projections.types import Decoded, Json, Projection

latest = Projection(
    "latest",
    about=(
        "The data of all events so far, merged key by key: the last one to name a key wins."
        " Data that is no object is kept under “value”."
    ),
)


@latest.on("*")
def merge(state: dict[str, Json], happened: Decoded) -> Json:
    """Merge an object into the state, key by key; keep any other value as `value`.

    One level only: a nested object replaces the one before it, as a whole. That is what most logs
    mean by a field, and it never mixes two events' halves into an object that nobody sent.
    """
    said = happened.data if isinstance(happened.data, dict) else {"value": happened.data}
    return {**state, **said}
