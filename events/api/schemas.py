"""The parameters and bodies of the API: msgspec structs, for decoding and for OpenAPI alike.

`data` and `metadata` stay raw slices of the request (`msgspec.Raw`): they are checked, never rebuilt. An optional field
is `UNSET` when it is absent, so that a struct's JSON has exactly the fields of the request: that shows a key that
stands twice in the request's own objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Literal, TypedDict

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from events.api.decoding import optional
from events.api.guard_schemas import (
    ConditionIn,
    Conditions,
    QueryText,
    check_length,
    checked_guards,
)
from events.api.lease_schemas import HeldLeases, checked_leases
from events.api.names import NAME_SCHEMA, Name, StreamName, documented
from events.appending import checks
from events.appending.guards import Guard
from events.errors import Invalid
from events.query.parse import events_query
from events.query.tree import Name as Of
from events.query.tree import Named, Pattern, Query, all_of, any_of
from events.types import Append, NewEvent

REFERENCE = "#/components/schemas/{name}"
"""The reference to a struct's description in OpenAPI."""

ExactJson = Annotated[Any, Meta(description="Exactly as it was sent")]
"""A JSON value of an answer. The server encodes it from a `msgspec.Raw`, unchanged; a client decodes it as a value."""


ExpectedVersion = Annotated[
    Annotated[int, Meta(ge=0, le=2**63 - 1)] | Literal["any", "no_stream", "stream_exists"],
    Meta(description="The stream's version: `any` (default), `no_stream` (= 0), `stream_exists` or a number"),
]
IdempotencyKey = Annotated[Name | None, documented("Makes a retry without event ids safe")]
ReadPosition = Annotated[
    int | None,
    documented("Up to which position the writer had read: it can prove a lost update", minimum=0, maximum=2**63 - 1),
]
Time = Annotated[str, documented("RFC 3339 with a zone; kept to the microsecond", format="date-time")]
Tag = Annotated[str, documented("1 to 100 characters, no control characters", **(NAME_SCHEMA | {"maxLength": 100}))]
Tags = Annotated[list[Tag], documented("Up to 16 names, by which events are found", maxItems=16, uniqueItems=True)]


class EventIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """One event to append."""

    type: Name
    data: Annotated[Raw, documented("Any JSON value, up to 1 MiB and 100 levels; kept exactly as sent")]
    id: Annotated[Name | None, documented("Made by the server (UUIDv7) when absent")] | UnsetType = UNSET
    metadata: Annotated[Raw, documented("A JSON object, up to 1 MiB", type="object")] | UnsetType = UNSET
    agent: Name | UnsetType | None = UNSET
    schema_version: Annotated[int, documented("1 by default", minimum=1, maximum=2**31 - 1)] | UnsetType = UNSET
    correlation_id: Name | UnsetType | None = UNSET
    causation_id: Name | UnsetType | None = UNSET
    occurred_at: Time | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET

    def checked(self, stream: str, *, pinned_agent: str | None, field: str) -> NewEvent:
        """Check the limits that the types don't express."""
        return checks.new_event(
            stream,
            self.type,
            data=bytes(self.data),
            metadata=b"{}" if isinstance(self.metadata, UnsetType) else bytes(self.metadata),
            id=optional(self.id),
            agent=optional(self.agent),
            schema_version=1 if isinstance(self.schema_version, UnsetType) else self.schema_version,
            correlation_id=optional(self.correlation_id),
            causation_id=optional(self.causation_id),
            occurred_at=optional(self.occurred_at),
            tags=optional(self.tags) or (),
            pinned_agent=pinned_agent,
            field=field,
        )


class AppendIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """Events for one stream, appended all or none."""

    events: Annotated[list[EventIn], documented("1 to 10,000 events", minItems=1, maxItems=10_000)]
    expected_version: ExpectedVersion | UnsetType = UNSET
    idempotency_key: IdempotencyKey | UnsetType = UNSET
    read_position: ReadPosition | UnsetType = UNSET
    conditions: Conditions | UnsetType = field(default=UNSET, name="if")
    leases: HeldLeases | UnsetType = UNSET

    def checked(self, stream: str, *, pinned_agent: str | None, field: str = "") -> Append:
        """Check the limits that the types don't express. `field` is the place of this append in the request."""
        checks.check_stream(stream, f"{field}stream")
        return checks.new_append(
            stream,
            (
                event.checked(stream, pinned_agent=pinned_agent, field=f"{field}events[{index}]")
                for index, event in enumerate(self.events)
            ),
            **_demands(self, field),
        )


class StreamAppendIn(AppendIn, forbid_unknown_fields=True, kw_only=True):
    """Events for one of several streams."""

    stream: StreamName


class AppendsIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """Several appends; with `atomic` all or none."""

    appends: Annotated[list[StreamAppendIn], documented("At least one", minItems=1)]
    atomic: bool | UnsetType = UNSET
    conditions: Conditions | UnsetType = field(default=UNSET, name="if")
    leases: HeldLeases | UnsetType = UNSET

    def common_conditions(self) -> tuple[Guard, ...]:
        """Return the conditions of all appends together.

        Raises:
            Invalid: the request is not atomic.
            TooLarge: the queries of all its conditions are too long.
        """
        check_length(chain.from_iterable(self._all_conditions()), "appends")
        return self._common(checked_guards(self.conditions), "if")

    def common_leases(self) -> tuple[Guard, ...]:
        """Return the leases that all appends need.

        Raises:
            Invalid: the request is not atomic.
        """
        return self._common(checked_leases(self.leases), "leases")

    def _common(self, guards: tuple[Guard, ...], field: str) -> tuple[Guard, ...]:
        if guards and self.atomic is not True:
            detail = f'`{field}` beside `appends` needs `"atomic": true`; else it stands beside `events`.'
            raise Invalid(detail, field=field)
        return guards

    def _all_conditions(self) -> Iterator[list[ConditionIn]]:
        for conditions in (self.conditions, *(append.conditions for append in self.appends)):
            yield [] if isinstance(conditions, UnsetType) else conditions


class StreamEventIn(EventIn, forbid_unknown_fields=True, kw_only=True):
    """One event with its stream."""

    stream: StreamName


class LineIn(StreamEventIn, forbid_unknown_fields=True, kw_only=True):
    """One line of `application/x-ndjson`: an event with its stream, appended by itself."""

    expected_version: ExpectedVersion | UnsetType = UNSET
    idempotency_key: IdempotencyKey | UnsetType = UNSET
    read_position: ReadPosition | UnsetType = UNSET
    conditions: Conditions | UnsetType = field(default=UNSET, name="if")
    leases: HeldLeases | UnsetType = UNSET

    def append(self, *, pinned_agent: str | None) -> Append:
        """Return the append of this event alone. The caller has checked the stream's name."""
        event = self.checked(self.stream, pinned_agent=pinned_agent, field="event")
        return checks.new_append(self.stream, [event], **_demands(self, ""))


class _Demands(TypedDict):
    expected_version: int | None
    idempotency_key: str | None
    read_position: int | None
    guards: tuple[Guard, ...]


def _demands(append: AppendIn | LineIn, field: str) -> _Demands:
    """Return what an append demands of the log, and the position up to which its writer had read."""
    return {
        "expected_version": checks.check_expected_version(
            None if isinstance(append.expected_version, UnsetType) else append.expected_version
        ),
        "idempotency_key": optional(append.idempotency_key),
        "read_position": optional(append.read_position),
        "guards": checked_leases(append.leases, field) + checked_guards(append.conditions, field),
    }


class PlacedOut(Struct):
    """The place of one event."""

    id: str
    position: int
    version: int


class AppendOut(Struct):
    """The places of an append's events."""

    log: str
    stream: str
    first_position: int
    last_position: int
    version: int
    replayed: bool
    events: list[PlacedOut]


class Problem(Struct):
    """RFC 9457. `code` is stable; fields such as `current_version` stand beside it."""

    type: str
    title: str
    status: int
    detail: str
    code: str


_ONE_APPEND = [{"$ref": REFERENCE.format(name=struct.__name__)} for struct in (AppendOut, Problem)]


class AppendResult(Struct):
    """The status and body that one append would have had on its own."""

    status: int
    body: Annotated[Any, Meta(description="As of a single append", extra_json_schema={"anyOf": _ONE_APPEND})]


class AppendsOut(Struct):
    """One result per append, in order."""

    results: list[AppendResult]


class LineError(Struct):
    """The reason why one line was not appended."""

    line: int
    code: str
    detail: str


class BulkOut(Struct):
    """The result of an `application/x-ndjson` request."""

    appended: int
    replayed: int
    failed: int
    last_position: Annotated[int | None, Meta(description="The position of the last line that is in the log")]
    errors: Annotated[list[LineError], Meta(description="The first 100 errors")]


class EventOut(Struct):
    """One recorded event."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    data: ExactJson
    metadata: Annotated[ExactJson, Meta(extra_json_schema={"type": "object"})]
    agent: str | None
    schema_version: int
    correlation_id: str | None
    causation_id: str | None
    occurred_at: datetime | None
    recorded_at: datetime
    tags: Sequence[str]


class EventsOut(Struct):
    """A page of events."""

    events: list[EventOut]
    next: Annotated[
        int | None,
        Meta(description="Where to go on. A forward read has looked at every event up to it, and never gives null"),
    ]
    head: Annotated[int, Meta(description="The log's last position")]
    complete: Annotated[
        bool,
        Meta(description="False: the search ended before the page was full, as its time was up. Go on from `next`"),
    ]


class StreamEventsOut(EventsOut):
    """A page of a stream's events; `next` is a version."""

    version: Annotated[
        int, Meta(description="The stream's version, which an append may expect after reading all events")
    ]


class StreamOut(Struct):
    """One stream and its last version."""

    stream: str
    category: str | None
    version: int


class StreamsOut(Struct):
    """A page of streams, by name. `behind` is the number of the newest events that the list does not count yet."""

    streams: list[StreamOut]
    next: str | None
    head: int
    behind: int


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
