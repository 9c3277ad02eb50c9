"""The parameters and bodies of the API: msgspec structs, for decoding and for OpenAPI alike.

`data` and `metadata` stay raw slices of the request (`msgspec.Raw`): they are checked, never rebuilt. An optional field
is `UNSET` when it is absent, so that a struct's JSON has exactly the fields of the request: that shows a key that
stands twice in the request's own objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypedDict, TypeVar

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from events.api.decoding import optional
from events.api.guard_schemas import (
    ConditionIn,
    Conditions,
    check_length,
    checked_guards,
)
from events.api.lease_schemas import HeldLeases, checked_leases
from events.api.names import NAME_SCHEMA, Name, StreamName, documented
from events.api.own_ids import check_own_id
from events.api.settling_schemas import Settlings, checked_settles
from events.appending import checks
from events.appending.guards import Guard
from events.errors import Invalid
from events.subscriptions.guard import EventIds
from events.types import Append, NewEvent

AnyGuard = TypeVar("AnyGuard", bound=Guard)
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

    may_have_any_id: ClassVar[bool] = False
    """An imported event keeps its id, also one that is reserved for the server."""

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

    def checked(self, stream: str, *, pinned_agent: str | None, field: str, ids: EventIds | None = None) -> NewEvent:
        """Check the limits that the types don't express. Without an id of its own the event gets the next of `ids`."""
        id = optional(self.id)
        if id is not None and not self.may_have_any_id:
            check_own_id(id, f"{field}.id", ids)
        return checks.new_event(
            stream,
            self.type,
            data=bytes(self.data),
            metadata=b"{}" if isinstance(self.metadata, UnsetType) else bytes(self.metadata),
            id=next(ids) if id is None and ids is not None else id,
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
    settles: Settlings | UnsetType = UNSET

    def checked(self, stream: str, *, pinned_agent: str | None, field: str = "", ids: EventIds | None = None) -> Append:
        """Check the limits that the types don't express. `field` is the place of this append in the request.

        An event that has no id gets one from the first delivery that the append settles, else the next of `ids`.
        """
        checks.check_stream(stream, f"{field}stream")
        settles = checked_settles(self.settles, field)
        ids = EventIds(settles[0].delivery) if settles else ids
        return checks.new_append(
            stream,
            (
                event.checked(stream, pinned_agent=pinned_agent, field=f"{field}events[{index}]", ids=ids)
                for index, event in enumerate(self.events)
            ),
            **_demands(self, field, settles),
        )


class StreamAppendIn(AppendIn, forbid_unknown_fields=True, kw_only=True):
    """Events for one of several streams."""

    stream: StreamName


class Common(NamedTuple):
    """The guards and ids that the appends of an atomic request have in common."""

    of_each: tuple[Guard, ...]
    """The leases: rules look for them in each append."""
    of_all: tuple[Guard, ...]
    """Guards of the first append, which stand for all: these are written together, or none."""
    ids: EventIds | None
    """Ids for events that have none, if the appends settle a delivery."""


class AppendsIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """Several appends; with `atomic` all or none."""

    appends: Annotated[list[StreamAppendIn], documented("At least one", minItems=1)]
    atomic: bool | UnsetType = UNSET
    conditions: Conditions | UnsetType = field(default=UNSET, name="if")
    leases: HeldLeases | UnsetType = UNSET
    settles: Settlings | UnsetType = UNSET

    def common(self) -> Common:
        """Return what all appends have in common.

        Raises:
            Invalid: there is something, but the request is not atomic.
            TooLarge: the queries of all conditions of the request are too long.
        """
        check_length(chain.from_iterable(self._all_conditions()), "appends")
        settles = self._common(checked_settles(self.settles), "settles")
        return Common(
            self._common(checked_leases(self.leases), "leases"),
            self._common(checked_guards(self.conditions), "if") + settles,
            EventIds(settles[0].delivery) if settles else None,
        )

    def _common(self, guards: tuple[AnyGuard, ...], field: str) -> tuple[AnyGuard, ...]:
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
    settles: Settlings | UnsetType = UNSET

    def append(self, *, pinned_agent: str | None) -> Append:
        """Return the append of this event alone. The caller has checked the stream's name."""
        settles = checked_settles(self.settles)
        ids = EventIds(settles[0].delivery) if settles else None
        event = self.checked(self.stream, pinned_agent=pinned_agent, field="event", ids=ids)
        return checks.new_append(self.stream, [event], **_demands(self, "", settles))


class _Demands(TypedDict):
    expected_version: int | None
    idempotency_key: str | None
    read_position: int | None
    guards: tuple[Guard, ...]


def _demands(append: AppendIn | LineIn, field: str, settles: tuple[Guard, ...]) -> _Demands:
    """Return what an append demands of the log, and the position up to which its writer had read."""
    return {
        "expected_version": checks.check_expected_version(
            None if isinstance(append.expected_version, UnsetType) else append.expected_version
        ),
        "idempotency_key": optional(append.idempotency_key),
        "read_position": optional(append.read_position),
        "guards": (checked_leases(append.leases, field) + checked_guards(append.conditions, field) + settles),
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
