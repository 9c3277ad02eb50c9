"""The parameters and bodies of the API of projections: msgspec structs, for decoding, encoding and OpenAPI."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.query_schemas import Limit, LogQuery, Position
from events.errors import Invalid
from events.leap_second import with_leap_second
from events.query.parse import MAX_CHARACTERS
from projections.definition.projection import KEY_PATTERN, MAX_KEY_CHARACTERS
from projections.states.moment import NOW, Moment

Key = Annotated[
    str,
    Meta(
        description="The key that the events of the state share: a stream, a workflow, …; empty for the whole log",
        max_length=MAX_KEY_CHARACTERS,
        pattern=KEY_PATTERN,
    ),
]
ExactState = Annotated[Any, Meta(description="With every digit")]
"""A `msgspec.Raw` with the text of a state, or of a part of one, when it is encoded."""
_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


Version: TypeAlias = Annotated[Position, Meta(description="After this version of the stream")] | UnsetType
LogPosition: TypeAlias = Annotated[Position, Meta(description="After this position of the log")] | UnsetType
Time: TypeAlias = (
    Annotated[
        str,
        Meta(
            description="With the events recorded by this time: RFC 3339 with a zone",
            extra_json_schema={"format": "date-time"},
        ),
    ]
    | UnsetType
)
WaitPosition: TypeAlias = (
    Annotated[Position, Meta(description="Wait, for a few seconds at most, until the state includes this position")]
    | UnsetType
)


class StateQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The key of a state, and one moment: a version, a position or a time; without any, now."""

    key: Key
    at_version: Version = UNSET
    at_position: LogPosition = UNSET
    at_time: Time = UNSET
    wait_for_position: WaitPosition = UNSET

    def moment(self) -> Moment:
        """Return the moment. Raises `Invalid` for two moments, or for a text that is not a time."""
        return _moment("at", at_version=self.at_version, at_position=self.at_position, at_time=self.at_time) or NOW


class StatesQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The states to list."""

    prefix: Annotated[Key, Meta(description="The beginning of their keys")] = ""
    after: Annotated[Key, Meta(description="Keys after this one")] | UnsetType = UNSET
    limit: Limit = 100
    q: Annotated[
        str,
        Meta(
            description=f"A query that the state fits, such as `state.total>100`: up to {MAX_CHARACTERS:,} characters",
        ),
    ] = ""
    wait_for_position: WaitPosition = UNSET


class DiffQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The key of a state, and two moments; by default before the first event, and now."""

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
    """Return the moment that the parameters of a side name, such as `at_version`; None without parameters.

    Raises:
        Invalid: there is more than one parameter, or the time can't be read.
    """
    values = {name: value for name, value in parameters.items() if not isinstance(value, UnsetType)}
    if len(values) > 1:
        first, second, *_ = values
        raise Invalid(f"{second} can't be combined with {first}.", field=second)
    for name, value in values.items():
        kind = name.removeprefix(side).removeprefix("_") or "position"
        moment: dict[str, Any] = {kind: _recorded_time(str(value), name) if kind == "time" else value}
        return Moment(**moment, side=side)
    return None


def _recorded_time(text: str, name: str) -> datetime:
    try:
        if not _WITH_ZONE.fullmatch(text):
            raise ValueError(text)
        return with_leap_second(lambda text: msgspec.convert(text, datetime), text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{name} must be a time with a zone, for example 2026-01-31T12:00:00Z.", field=name) from None


class JobsQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The jobs to list."""

    before: Annotated[Position, Meta(description="Jobs before this one")] | UnsetType = UNSET
    limit: Limit = 100


class BuildOut(Struct):
    """The progress of a build of a projection."""

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
    unkeyed_position: Annotated[int | None, Meta(description="The position of the last event that gave such a value")]
    parked: int
    error: str
    error_position: int | None


class ProjectionOut(Struct):
    """One projection. A projection that is not materialised has no builds."""

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
    """The reason why a state is not up to date."""

    reason: Annotated[
        str,
        Meta(
            description="`behind`: the runner is catching up, ask again; `failed`: the reducer raised for an event of"
            " this state; else the status of the build: `stopped`, `paused`, `stalled`, `code changed`, `newer`"
        ),
    ]
    position: Annotated[int, Meta(description="The last position that the state includes")]
    head: Annotated[int, Meta(description="The log's last position")]
    error: Annotated[str | None, Meta(description="The error, if that is the reason")]
    error_position: Annotated[int | None, Meta(description="The position of the event that raised it")]


class StateOut(Struct):
    """A state with the number of its events, and the position and version of the last one."""

    projection: str
    key: str
    state: ExactState
    position: int
    version: Annotated[int | None, Meta(description="Null if the key is not a stream")]
    events: int
    stale: Annotated[StaleOut | None, Meta(description="Null if the state is up to date")]


class ListedStateOut(Struct):
    """One state of a list.

    If the reducer raised `error` at `error_position`, the state is the kept one before that event, or null. An `error`
    without a position says that the reducer returned a value that is not JSON.
    """

    key: str
    state: ExactState
    position: int
    version: int | None
    events: int
    error: str | None
    error_position: int | None


class StatesOut(Struct):
    """States, ordered by key. If `next` is null, all keys were searched; otherwise go on after it."""

    states: list[ListedStateOut]
    next: str | None
    position: Annotated[int, Meta(description="The last position that the states include")]
    stale: Annotated[StaleOut | None, Meta(description="Null if the states are up to date")]


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
    """The operations that turn the first state into the second."""

    projection: str
    key: str
    from_: MomentOut = msgspec.field(name="from")
    to: MomentOut
    changes: list[ChangeOut]


class JobOut(Struct):
    """A job. `status`: queued, running, done, failed or cancelled."""

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
