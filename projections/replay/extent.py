"""The extent of a source: its first and last place, and its number of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from events.errors import NoSuchWorkflow, NotFound
from events.lists import reads as lists
from events.models import Member
from events.views.streams import existing
from projections.states.sources.base import Source
from projections.states.sources.indexed import LogSource, StreamSource, WorkflowSource
from projections.states.sources.keyed import KeptSource, ScannedSource


@dataclass(frozen=True, slots=True)
class Extent:
    """The places of the first event (0: not known) and the last, and the number of events (None: not known)."""

    last: int
    count: int | None
    first: int = 0


@singledispatch
def extent(source: Source, member: Member) -> Extent:
    """Return the extent of a source.

    Raises:
        NotFound: the source has no events to replay.
    """
    return Extent(member.log.head, None)


@extent.register
def _(source: LogSource, member: Member) -> Extent:
    return Extent(member.log.head, member.log.head)


@extent.register
def _(source: StreamSource, member: Member) -> Extent:
    version = existing(member.log_id, source.name).version
    return Extent(version, version)


@extent.register
def _(source: WorkflowSource, member: Member) -> Extent:
    workflow = lists.workflow(member.log_id, source.name).first()
    if workflow is None:
        raise NoSuchWorkflow(f"There is no workflow {source.name!r}.")
    return Extent(workflow.last_position, workflow.events, workflow.first_position)


@extent.register
def _(source: ScannedSource, member: Member) -> Extent:
    raise NotFound(f"Nothing is kept of {source.name!r} that could be replayed.")


@extent.register
def _(source: KeptSource, member: Member) -> Extent:
    last = source.kept_state(member.log_id).values_list("position", "events").first()
    if last is None:
        raise NotFound(f"Nothing is kept of {source.name!r} that could be replayed.")
    return Extent(*last)
