"""The parameters and bodies of the API of projections: msgspec structs, for decoding and for OpenAPI alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.schemas import Limit, LogQuery, Position
from events.errors import Invalid
from events.leap_second import with_leap_second
from events.query.parse import MAX_CHARACTERS
from projections.definition.projection import KEY_PATTERN, MAX_KEY_CHARACTERS
from projections.states.moment import NOW, Moment

Key = Annotated[
    str,
    Meta(
        description="What the events of the state share: a stream, a workflow, …; empty for the whole log",
        max_length=MAX_KEY_CHARACTERS,
        pattern=KEY_PATTERN,
    ),
]
ExactState = Annotated[Any, Meta(description="To the digit")]
"""A `msgspec.Raw` where it is encoded: a state's own text, or a part of one."""
_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


Version: TypeAlias = Annotated[Position, Meta(description="After this version of the stream")] | UnsetType
LogPosition: TypeAlias = Annotated[Position, Meta(description="After this position of the log")] | UnsetType
Time: TypeAlias = (
    Annotated[
        str,
        Meta(description="As recorded by then: RFC 3339 with a zone", extra_json_schema={"format": "date-time"}),
    ]
    | UnsetType
)
Waited: TypeAlias = (
    Annotated[Position, Meta(description="Wait until this position is in it, a few seconds at the most")] | UnsetType
)


class StateQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """Whose state, and when: now, unless one of the three says otherwise."""

    key: Key
    at_version: Version = UNSET
    at_position: LogPosition = UNSET
    at_time: Time = UNSET
    wait_for_position: Waited = UNSET

    def moment(self) -> Moment:
        """Return the moment. Raises `Invalid` for two moments, or for a text that is not a time."""
        return _moment("at", at_version=self.at_version, at_position=self.at_position, at_time=self.at_time) or NOW


class StatesQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The states to list."""

    prefix: Annotated[Key, Meta(description="What their keys begin with")] = ""
    after: Annotated[Key, Meta(description="Keys after this one")] | UnsetType = UNSET
    limit: Limit = 100
    q: Annotated[
        str,
        Meta(
            description=f"What must hold of the state, as `state.total>100`: up to {MAX_CHARACTERS:,} characters",
        ),
    ] = ""
    wait_for_position: Waited = UNSET


class DiffQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """Whose state, and from when to when: from before the first event to now, unless something else is said."""

    key: Key
    from_version: Version = UNSET
    from_position: LogPosition = UNSET
    from_time: Time = UNSET
    to_version: Version = UNSET
    to_position: LogPosition = UNSET
    to_time: Time = UNSET
    from_: Annotated[Position, Meta(description="The old name of from_position")] | UnsetType = msgspec.field(
        name="from", default=UNSET
    )
    to: Annotated[Position, Meta(description="The old name of to_position")] | UnsetType = UNSET

    def moments(self) -> tuple[Moment, Moment]:
        """Return both moments. Raises `Invalid` for two moments of one side, or for a text that is not a time."""
        one = _moment(
            "from",
            from_version=self.from_version,
            from_position=self.from_position,
            from_time=self.from_time,
            **{"from": self.from_},
        )
        other = _moment(
            "to", to_version=self.to_version, to_position=self.to_position, to_time=self.to_time, to=self.to
        )
        return one or Moment(position=0), other or NOW


def _moment(side: str, **parameters: int | str | UnsetType) -> Moment | None:
    """The moment that the parameters of a side name, if one of them does: `position`, `version`, `time` after its name.

    Raises:
        Invalid: more than one is given, or what is given is no time.
    """
    given = {name: value for name, value in parameters.items() if not isinstance(value, UnsetType)}
    if len(given) > 1:
        first, second, *_ = given
        raise Invalid(f"{second} does not go with {first}.", field=second)
    for name, value in given.items():
        kind = name.removeprefix(side).removeprefix("_") or "position"
        when: dict[str, Any] = {kind: _recorded_time(str(value), name) if kind == "time" else value}
        return Moment(**when, side=side)
    return None


def _recorded_time(text: str, name: str) -> datetime:
    try:
        if not _WITH_ZONE.fullmatch(text):
            raise ValueError(text)
        return with_leap_second(lambda text: msgspec.convert(text, datetime), text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{name} must be a time with a zone, as 2026-01-31T12:00:00Z.", field=name) from None


class JobsQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The jobs to list."""

    before: Annotated[Position, Meta(description="Jobs before this one")] | UnsetType = UNSET
    limit: Limit = 100


class BuildOut(Struct):
    """How far the materialised states of a projection have come."""

    build: int
    version: int
    state: str
    is_live: bool
    position: int
    lag: int
    rate: float
    seconds_left: float | None
    policy: str
    skipped: int
    unkeyed: Annotated[int, Meta(description="Values that events gave as keys and that can't be keys")]
    unkeyed_position: Annotated[int | None, Meta(description="Of the last event that gave such a value")]
    parked: int
    error: str
    error_position: int | None


class ProjectionOut(Struct):
    """One projection. `builds`: none unless it is materialised."""

    name: str
    about: str
    version: int
    key: str
    materialised: bool
    builds: list[BuildOut]


class ProjectionsOut(Struct):
    """All projections."""

    projections: list[ProjectionOut]
    head: int


class StaleOut(Struct):
    """Why a state is not as far as the log."""

    reason: Annotated[
        str,
        Meta(
            description="`behind`: the runner is on its way, ask again; `failed`: the reducer raised for an event of"
            " this state; else how the kept states stand: `stopped`, `paused`, `stalled`, `code changed`, `newer`"
        ),
    ]
    position: Annotated[int, Meta(description="Up to where the log is in the state")]
    head: Annotated[int, Meta(description="Where the log ends")]
    error: Annotated[str | None, Meta(description="What was raised, where that is why")]
    error_position: Annotated[int | None, Meta(description="The event that it was raised for")]


class StateOut(Struct):
    """A state. `position` and `version` are those of the last event in it, `events` how many there are."""

    projection: str
    key: str
    state: ExactState
    position: int
    version: Annotated[int | None, Meta(description="Null where the key is no stream")]
    events: int
    stale: Annotated[StaleOut | None, Meta(description="Null where the state is as far as it was asked for")]


class ListedStateOut(Struct):
    """One of many states.

    `error` was raised at `error_position`: the state is the one before it, or null where none is kept.
    """

    key: str
    state: ExactState
    position: int
    version: int | None
    events: int
    error: str | None
    error_position: int | None


class StatesOut(Struct):
    """States by key. Where `next` is null every key was looked at; else go on after it."""

    states: list[ListedStateOut]
    next: str | None
    position: Annotated[int, Meta(description="Up to where the log is in them")]
    stale: Annotated[StaleOut | None, Meta(description="Null where they are as far as the log")]


class MomentOut(Struct):
    """One side of a difference."""

    position: int
    version: int | None
    events: int


class ChangeOut(Struct):
    """An operation of RFC 6902, with the old value."""

    op: str
    path: str
    value: ExactState | UnsetType = UNSET
    old: ExactState | UnsetType = UNSET
    from_: str | UnsetType = msgspec.field(name="from", default=UNSET)


class DiffOut(Struct):
    """The operations that make the second state of the first."""

    projection: str
    key: str
    from_: MomentOut = msgspec.field(name="from")
    to: MomentOut
    changes: list[ChangeOut]


class JobOut(Struct):
    """Long work. `status`: queued, running, done, failed or cancelled."""

    id: int
    kind: str
    arguments: dict[str, Any]
    status: str
    progress: int
    total: int | None
    rate: float | None
    seconds_left: float | None
    error: str
    result: Any
    cancel_requested: bool
    created_at: datetime
    heartbeat_at: datetime | None
    ended_at: datetime | None


class JobsOut(Struct):
    """A log's jobs, newest first."""

    jobs: list[JobOut]
    next: int | None


STRUCTS = (ProjectionOut, ProjectionsOut, StateOut, StatesOut, DiffOut, JobOut, JobsOut)
