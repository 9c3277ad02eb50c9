"""Whether a page that follows the present has the newest state already: it asks every two seconds."""

from __future__ import annotations

from django.http import HttpRequest

from events.digits import whole_number
from events.lists import reads as lists
from events.models import Member
from events.reading import store
from events.reading.db_work import DbWork, run
from events.types import StreamInfo
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.states import current
from projections.states.fold import TooFar
from projections.states.moment import NOW
from projections.states.sources.indexed import StreamSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import source_under
from projections.values.exact_json import NotAState
from projections.views.forms import StateRequest

HEADER = "X-Seen"
"""In this header a page sends the position of its state's last event, and the log's head when the page was drawn."""


def is_fresh(http: HttpRequest, member: Member, projection: Projection, request: StateRequest) -> bool:
    """Return whether the page that sent a request shows the newest state.

    An event that was redacted since the page was drawn may have changed the state, although the last event is the same.
    """
    position, head = map(whole_number, http.headers.get(HEADER, "").partition(" ")[::2])
    if request.at != NOW or position is None or head is None:
        return False
    if store.redacted(member.log_id, after=head, upto=member.log.head).first():
        return False
    try:
        return run(_is_last(member, projection, request.key, position))
    except (TooFar, ReducerFailed, NotAState):
        return False


def _is_last(member: Member, projection: Projection, key: str, position: int) -> DbWork[bool]:
    """Return whether the last event of a key is at a position, and its present state includes that event."""
    source = source_under(projection, key)
    if not projection.materialised and not isinstance(source, ScannedSource):
        if isinstance(source, StreamSource):
            stream: list[StreamInfo] = yield lists.stream(member.log_id, key)
            is_last = bool(stream) and stream[0].last_position == position
        else:
            is_last = not (yield source.read(member.log_id, after=position, upto=member.log.head, limit=1))
        if is_last:
            return True
    state = yield from current.state(member.log_id, projection, key)
    return state.position == position and state.stale is None
