"""The query strings of the API that reads the log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.guard_schemas import QueryText
from events.api.names import NAME_SCHEMA
from events.query.parse import events_query
from events.query.tree import Name as Of
from events.query.tree import Named, Pattern, Query, all_of, any_of

Direction = Literal["forward", "backward"]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# The checks of a query string are here: `appending.checks` does not see it. An optional number is UNSET when it is
# absent, since msgspec takes the text `null` for None.
Text = Annotated[str, Meta(max_length=200, pattern=NAME_SCHEMA["pattern"])]
NameText = Annotated[Text, Meta(min_length=1)]


ReadAs = Annotated[
    Literal["stored", "newest"],
    Meta(description="`newest`: the data in the newest schema_version that the upcasters know; else as it was sent"),
]


class LogQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """The log, for a request with a session."""

    log: Annotated[Text, Meta(description="The log, if you use a session instead of a token")] | None = None


class EventQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """How an event is read."""

    read_as: ReadAs = "stored"


class _FilterQuery(EventQuery, forbid_unknown_fields=True, kw_only=True):
    q: QueryText = ""

    def query(self, now: datetime) -> Query:
        """Return the tree of `q`, with its times pinned.

        Raises:
            InvalidQuery: it can't be read.
            NotForEvents: it asks about a state.
        """
        return events_query(self.q, now)


class EventsQuery(_FilterQuery, forbid_unknown_fields=True, kw_only=True):
    """The events to read, and their order."""

    after: Annotated[Position, Meta(description="Positions after this one")] | UnsetType = UNSET
    before: Annotated[Position, Meta(description="Positions before this one")] | UnsetType = UNSET
    direction: Direction = "forward"
    limit: Limit = 100
    type: Annotated[list[NameText], Meta(description="One of these types; `Order*` is a prefix")] = []
    agent: Annotated[list[NameText], Meta(description="One of these agents; `*` as for types")] = []
    tag: Annotated[list[NameText], Meta(description="At least one of these tags; `*` as for types")] = []
    stream: NameText | None = None
    correlation_id: NameText | None = None
    wait: Annotated[
        Annotated[float, Meta(ge=0, le=60)],
        Meta(description="Long poll: wait up to this many seconds for the first match (forward only)"),
    ] = 0

    def query(self, now: datetime) -> Query:
        """Return the tree of all parameters that select events."""
        shorthand: list[Query] = [
            any_of(Named(name, _prefix_or_whole(text)) for text in texts)
            for name, texts in ((Of.TYPE, self.type), (Of.AGENT, self.agent), (Of.TAG, self.tag))
            if texts
        ]
        shorthand += [
            Named(name, Pattern((text,)))
            for name, text in ((Of.STREAM, self.stream), (Of.CORRELATION, self.correlation_id))
            if text is not None
        ]
        return all_of([*shorthand, super().query(now)])


class StreamEventsQuery(_FilterQuery, forbid_unknown_fields=True, kw_only=True):
    """The part of a stream to read."""

    from_version: Annotated[Position, Meta(description="From this version on, in either direction")] | UnsetType = UNSET
    direction: Direction = "forward"
    limit: Limit = 100


class StreamsQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The streams to list."""

    prefix: Annotated[Text, Meta(description="`eventsite-`: the streams of the server, left out otherwise")] = ""
    category: Annotated[NameText | None, Meta(description="`eventsite`: the streams of the server")] = None
    after: Annotated[Text, Meta(description="Names after this one")] = ""
    limit: Limit = 100


def _prefix_or_whole(text: str) -> Pattern:
    """Return the pattern of a parameter, in which only a star at the end is a wildcard."""
    return Pattern((text[:-1], "")) if text.endswith("*") else Pattern((text,))
