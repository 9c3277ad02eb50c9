"""The fold: a projection applied to events, one after the other. Pure."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from events.query.tree import EVERYTHING, Name, Named, Pattern, Query, all_of, any_of, negation
from projections.definition.projection import Decoded, Projection
from projections.values.change import Json


class ReducerFailed(Exception):
    """The reducer raised at the event `at`. `state` is the state before it."""

    def __init__(self, at: Decoded, state: Json, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.at = at
        self.state = state

    @property
    def trace(self) -> str:
        """The traceback of the reducer's error."""
        return "".join(traceback.format_exception(self.__cause__ or self))


def reads(projection: Projection) -> Query:
    """Return the query for the events that a projection reads, so that a store fetches few others.

    It does not leave out system events that the projection does not admit: so projections share what is fetched.
    """
    types = (Named(Name.TYPE, _pattern(each)) for each in projection.handlers)
    type_condition = any_of(types) if projection.handlers else negation(EVERYTHING)
    return projection.where if "*" in projection.handlers else all_of([type_condition, projection.where])


def _pattern(type_: str) -> Pattern:
    return Pattern((type_[:-1], "")) if type_.endswith("*") else Pattern((type_,))


def fold(projection: Projection, events: Iterable[Decoded], state: Json) -> Json:
    """Return the state after `events`, starting from `state`. Folding in parts gives the same state.

    Events that the projection doesn't read are skipped. An event without data is skipped if its handler raises.

    Raises:
        ReducerFailed: the reducer raised at an event.
    """
    handler_of, fits, admits = projection.handler, projection.fits, projection.admits
    for happened in events:
        handler = handler_of(happened.event.type)
        if handler is None or (fits is not None and not fits(happened.event)) or not admits(happened.event):
            continue
        try:
            state = handler(state, happened)
        except Exception as error:
            if happened.is_empty:
                continue
            raise ReducerFailed(happened, state, error) from error
    return state
