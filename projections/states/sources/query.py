"""The source of a query: no index holds its events, so a search finds them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from urllib.parse import urlencode

from django.urls import reverse

from events.query.match import event_matcher
from events.query.parse import parse
from events.query.tree import Query
from events.reading import scan
from events.reading.db_work import DbWork
from events.reading.scan import SearchResult
from events.types import Event
from projections.definition.projection import Projection
from projections.states.sources.base import Near
from projections.states.sources.indexed import ReadThrough

_SEARCH_SECONDS = 0.15
_MAX_COUNTED_MATCHES = 1_000
"""Most events that are searched for to find a step by its number."""


class QuerySource(ReadThrough):
    """The events that fit a query; its name is the query, with relative times pinned. A search finds them."""

    __slots__ = ()
    kind = public_kind = "query"
    is_counted = False

    def near(self, log_id: int, place: int, *, head: int, side: int) -> DbWork[Near]:
        """The events around a place, as far as a search comes in the time that it has."""
        [query] = self.terms
        search = partial(scan.search_events, log_id, query, limit=side + 1, budget=_SEARCH_SECONDS, head=head)
        back: SearchResult = yield search(before=place + 1)
        ahead: SearchResult = yield search(after=place, backward=False)
        return Near(
            [*back.events[::-1], *ahead.events[:side]],
            len(back.events) - 1,
            begins=back.complete and len(back.events) <= side,
            ends=ahead.complete and len(ahead.events) <= side,
            searched_from=None if back.complete else back.searched_to,
            searched_to=None if ahead.complete else ahead.searched_to,
        )

    def after(self, log_id: int, place: int, *, head: int, limit: int) -> DbWork[tuple[list[Event], int | None]]:
        [query] = self.terms
        page: SearchResult = yield scan.search_events(
            log_id, query, after=place, backward=False, limit=limit, head=head
        )
        return list(page.events), None if page.at_end else page.searched_to

    def nth_place(self, log_id: int, n: int, *, passed_count: int, place: int, head: int) -> DbWork[int | None]:
        [query] = self.terms
        limit = min(n, _MAX_COUNTED_MATCHES)
        page: SearchResult = yield scan.search_events(log_id, query, after=0, backward=False, limit=limit, head=head)
        is_all = page.complete and len(page.events) < limit
        if len(page.events) < n and not is_all:
            return None
        return page.events[-1].position if page.events else 0

    def has(self, event: Event) -> bool:
        return _matcher(self.name)(event)

    def takes(self, projection: Projection, event: Event) -> bool:
        return projection.reads(event) and self.has(event)

    @property
    def terms(self) -> list[Query]:
        return [parse(self.name)]

    @property
    def follow_query(self) -> str:
        return f"?{urlencode({'q': self.name})}"

    @property
    def parameters(self) -> dict[str, str]:
        return {"q": self.name}

    def page_url(self, log_name: str, projection: str) -> str:
        return reverse("timeline", args=[log_name]) + self.follow_query


@lru_cache(maxsize=64)
def _matcher(query: str) -> Callable[[Event], bool]:
    return event_matcher(parse(query))
