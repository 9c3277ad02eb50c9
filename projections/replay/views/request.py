"""The request for a replay's page, parsed once."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, QueryDict
from django.utils import timezone

from events.digits import whole_number
from events.errors import Invalid, NotFound
from events.models import Member
from events.reading.db_work import run
from projections import registry
from projections.replay.address import ReplayAddress, shared_parameters
from projections.replay.default import default_projection
from projections.replay.extent import Extent, extent
from projections.replay.window import place_of
from projections.states.fold import Fold
from projections.states.sources.base import Source
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import parse_source, source_of
from projections.states.sources.query import QuerySource


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A request for a step of a replay.

    `fold` has the source and the projection; `address` repeats the request in the page's links; `place`
    stands at the end of the path.
    """

    http: HttpRequest
    member: Member
    fold: Fold
    address: ReplayAddress
    extent: Extent
    place: int

    @classmethod
    def parse(cls, http: HttpRequest, member: Member, *, kind: str, name: str, place: int) -> ReplayRequest | str:
        """Return the request; or an address to redirect to, if the key is one that an index of the log serves.

        Raises:
            NotFound: there is no such projection or source.
            AddressTooLong: the address is too long for a page that repeats it.
        """
        params = http.GET
        source = _source(kind, name, params)
        by = params.get("by")
        projection = registry.get(by) if by else run(default_projection(member.log_id, source))
        if isinstance(source, ScannedSource):
            source = run(source_of(member.log_id, projection, source.name))
            if not isinstance(source, ScannedSource):
                parameters = {**shared_parameters(params), "by": projection.name}
                return ReplayAddress(member.log.name, source, parameters).step(place if source.place_is_position else 0)
        address = ReplayAddress(member.log.name, source, shared_parameters(params))
        address.check()
        fold = Fold(member.log_id, projection, source, member.log.head)
        return cls(http, member, fold, address, extent(source, member), place)

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for one long text of the state, or for a part of it that was opened."""
        return bool(self.http.headers.get("HX-Request")) and not {"text", "part"}.isdisjoint(self.http.GET)

    @property
    def named_place(self) -> int | None:
        """The place that `?step=` (by its number) or `?place=` names; None without these parameters."""
        params = self.http.GET
        if "step" in params:
            return self._place_of_number(params["step"])
        if "place" in params:
            return min(_number(params["place"], or_else=self.place), self.extent.last)
        return None

    @property
    def has_other_query(self) -> bool:
        """Whether the query is written otherwise than the address has it, with its times pinned."""
        name = self.fold.source.name
        return self.http.GET.get("q", name) != name

    def _place_of_number(self, text: str) -> int:
        """The place of the step whose number stands in the box, kept within the source."""
        n = _number(text, or_else=-1)
        if n < 0:
            return self.place
        if self.extent.count is not None and n >= self.extent.count:
            return self.extent.last
        place = run(place_of(self.fold, n))
        return self.place if place is None else min(place, self.extent.last)


def _source(kind: str, name: str, params: QueryDict) -> Source:
    """Return the source that an address names. A source that can't be replayed is not found."""
    is_query = kind == QuerySource.kind
    name, query = ("", params.get("q", "")) if is_query else (name or params.get("name", ""), "")
    try:
        return parse_source(kind, name=name, query=query, now=timezone.now().replace(microsecond=0))
    except Invalid as error:
        raise NotFound(f"The query can’t be read: {error}" if is_query else str(error)) from error


def _number(text: str, *, or_else: int) -> int:
    number = whole_number(text)
    return or_else if number is None else number
