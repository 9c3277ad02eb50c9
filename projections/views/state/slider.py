"""The slider of a state's page: the moments that one can drag to."""

from __future__ import annotations

from dataclasses import dataclass

from events.lists import reads as lists
from events.models import Member
from projections.definition.projection import STREAM, Projection
from projections.states.at_moment import State
from projections.states.moment import NOW
from projections.views.forms import StateRequest


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider from 0 to `end` that stands at `place`: versions if the key is a stream, otherwise positions."""

    end: int = 0
    place: int = 0


def slider(member: Member, projection: Projection, request: StateRequest) -> Slider:
    """Return the slider of a page that shows no state."""
    if projection.key is not STREAM:
        end, place = member.log.head, request.at.position
    else:
        info = lists.stream(member.log_id, request.key).first()
        end, place = info.version if info else 0, request.at.version
    return Slider(end, end if place is None else place)


def slider_at(before: Slider, projection: Projection, request: StateRequest, state: State) -> Slider:
    """Return the slider of a page that shows a state.

    The log may have grown since `before` was made: the state never lies beyond the end.
    """
    state_place = state.version if projection.key is STREAM else state.position
    end = max(before.end, state_place)
    if request.at.time is not None or (projection.key is STREAM and request.at.version is None):
        return Slider(end, state_place)
    if request.at == NOW:
        return Slider(end, state.stale.position if state.stale else end)
    return Slider(end, before.place)
