"""The links + and − beside a value: the timeline with the value added to a query, or excluded."""

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

_MAX_TREE_CHARACTERS = 200_000
"""Most characters of addresses in one tree. Of a document with a thousand values the last ones have no links."""


class Picks:
    """The picks of one event, which extend the query of the timeline on which its row opened."""

    def __init__(self, log_name: str, params: QueryDict) -> None:
        form = TimelineForm(params)
        self._query: Query = form.cleaned_data["query"] if form.is_valid() else EVERYTHING
        self._timeline = reverse("timeline", args=[log_name])

    def among(self, root: Root, document: Any) -> PickOf:
        """Return the function that gives the picks of a value in a document, by its pointer."""
        characters_left = _MAX_TREE_CHARACTERS

        def pick(pointer: str) -> PickUrls | None:
            nonlocal characters_left
            is_empty = not pointer and document in ({}, [])  # every event has data, so their term would fit all
            if characters_left <= 0 or is_empty:
                return None
            urls = self._of(value_term(root, document, pointer))
            characters_left -= len(urls.include) + len(urls.exclude)
            return urls

        return pick

    def names(self, event: Event) -> dict[str, PickUrls]:
        """Return the picks of an event's names."""
        names = {
            Name.TYPE: event.type,
            Name.AGENT: event.agent,
            Name.STREAM: event.stream,
            Name.CORRELATION: event.correlation_id,
        }
        return {name.value: self._of(name_term(name, text)) for name, text in names.items() if text is not None}

    def tags(self, event: Event) -> list[tuple[str, PickUrls]]:
        """Return the tags of an event with their picks."""
        return [(tag, self._of(name_term(Name.TAG, tag))) for tag in event.tags or ()]

    def _of(self, term: Query) -> PickUrls:
        return PickUrls(
            include=self._timeline + query_string(including(self._query, term)),
            exclude=self._timeline + query_string(excluding(self._query, term)),
        )
