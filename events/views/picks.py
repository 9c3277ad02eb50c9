"""+ and − beside a value: the timeline with the value added to a query, or excluded."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.urls import reverse

from events.converters import query_string
from events.json.tree import PickOf, PickUrls
from events.query.picking import excluding, including, name_term, value_term
from events.query.tree import EVERYTHING, Name, Query, Root
from events.types import Event
from events.views.forms import TimelineForm

_MOST_OF_A_TREE = 200_000
"""Characters of addresses in one tree. Of a document of a thousand values the last ones go without."""


class Picks:
    """The picks of one event, for a query that stands already: the one of the timeline on which its row opened."""

    def __init__(self, log_name: str, asked: QueryDict) -> None:
        form = TimelineForm(asked)
        self._query: Query = form.cleaned_data["query"] if form.is_valid() else EVERYTHING
        self._timeline = reverse("timeline", args=[log_name])

    def among(self, root: Root, document: Any) -> PickOf:
        """The picks of the values in a document, by their pointers."""
        left = _MOST_OF_A_TREE

        def pick(pointer: str) -> PickUrls | None:
            nonlocal left
            is_empty = not pointer and document in ({}, [])  # which says nothing that isn't said of every event
            if left <= 0 or is_empty:
                return None
            found = self._of(value_term(root, document, pointer))
            left -= len(found.include) + len(found.exclude)
            return found

        return pick

    def names(self, event: Event) -> dict[str, PickUrls]:
        """The picks of what an event carries as names."""
        names = {
            Name.TYPE: event.type,
            Name.AGENT: event.agent,
            Name.STREAM: event.stream,
            Name.CORRELATION: event.correlation_id,
        }
        return {name.value: self._of(name_term(name, text)) for name, text in names.items() if text is not None}

    def _of(self, term: Query) -> PickUrls:
        return PickUrls(
            include=self._timeline + query_string(including(self._query, term)),
            exclude=self._timeline + query_string(excluding(self._query, term)),
        )
