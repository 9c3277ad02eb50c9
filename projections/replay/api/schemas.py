"""The parameters and answers of the API of replays: msgspec structs, for decoding, encoding and OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.query_schemas import Direction, LogQuery, Position, Text
from events.api.schemas import EventOut
from events.errors import Invalid
from events.query.parse import MAX_CHARACTERS, parse
from events.query.times import pin_times
from projections.api.schemas import ChangeOut, ExactState, Key
from projections.replay.seek.condition import Condition, Watch
from projections.states.sources.base import Source
from projections.states.sources.parse import KINDS, parse_source

Kind = Annotated[str, Meta(extra_json_schema={"enum": list(KINDS)})]
Pointer = Annotated[
    str,
    Meta(
        description="A JSON Pointer (RFC 6901) into the state: empty for the whole state",
        max_length=10_000,
        pattern=r"^(/[^\u0000]*)?$",
    ),
]
IN_PATHS = {"kind": msgspec.json.schema(Kind)}


class ReplayQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The source that is replayed, and the projection that folds it."""

    name: Annotated[Key, Meta(description="The stream, workflow, agent, type, or key of a materialised state")] = ""
    q: Annotated[
        str,
        Meta(
            description=f"The query, if the kind is `query`: up to {MAX_CHARACTERS:,} characters",
            extra_json_schema={"format": "eventsite-query"},
        ),
    ] = ""
    by: (
        Annotated[Text, Meta(description="The projection; by default `agent_run` for a run of agents, else `latest`")]
        | UnsetType
    ) = UNSET

    def source(self, kind: str, now: datetime) -> Source:
        """Return the source that a kind and the parameters name; a query's times are pinned to now.

        Raises:
            NotFound: there is no such kind.
            Invalid: the name is missing, or the kind takes none; the query can't be read or asks about a state.
        """
        return parse_source(kind, name=self.name, query=self.q, now=now)


class StepsQuery(ReplayQuery, forbid_unknown_fields=True, kw_only=True):
    """A range of steps."""

    after: Annotated[Position, Meta(description="Steps after this place")] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class PlaceQuery(ReplayQuery, forbid_unknown_fields=True, kw_only=True):
    """One step: the last one at or before a place, or the one with a number; without either, the last of all."""

    place: (
        Annotated[Position, Meta(description="In a stream the version, else the position in the log; 0 is step 0")]
        | UnsetType
    ) = UNSET
    n: Annotated[Position, Meta(description="The number of the step; the steps of a query have none")] | UnsetType = (
        UNSET
    )


class StepQuery(PlaceQuery, forbid_unknown_fields=True, kw_only=True):
    """One step, and the format of the answer."""

    format: Annotated[Literal["json", "pytest"], Meta(description="`pytest`: the source of a test")] = "json"


class WhyQuery(PlaceQuery, forbid_unknown_fields=True, kw_only=True):
    """A value, at one step."""

    pointer: Pointer


class SeekQuery(ReplayQuery, forbid_unknown_fields=True, kw_only=True):
    """The condition of a seek, one of `to` and `pointer`, and the place where it starts."""

    to: Annotated[
        str,
        Meta(
            description=(
                "A query that the step fits, such as `state.total<0`, `changed:/status` or `type:Paid`:"
                f" up to {MAX_CHARACTERS:,} characters"
            ),
        ),
    ] = ""
    pointer: Annotated[Pointer, Meta(description="Or the pointer of a value that the step changes")] | UnsetType = UNSET
    place: (
        Annotated[
            Position, Meta(description="From this place on; by default from the beginning, or backward from the end")
        ]
        | UnsetType
    ) = UNSET
    direction: Direction = "forward"

    def condition(self, now: datetime) -> Condition:
        """Return the condition that the step must fit, with a query's times pinned to now.

        Raises:
            Invalid: neither is given, or both; the query can't be read.
        """
        pointer = None if isinstance(self.pointer, UnsetType) else self.pointer
        if (pointer is None) != bool(self.to.strip()):
            raise Invalid("Use one of to and pointer.", field="to")
        return pin_times(parse(self.to), now) if pointer is None else Watch(pointer)


class StepEventOut(Struct):
    """The event of a step, without its data."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    agent: str | None
    at: Annotated[datetime, Meta(description="The time that the agent sent, else the time of recording")]


class ReplayOut(Struct):
    """The source that is replayed. For a query, `name` is its text with fixed times."""

    projection: str
    kind: Kind
    name: str


class StepRow(Struct):
    """One step of a list. `changes` is the number of operations, or null if it was not computed."""

    place: int
    n: Annotated[int | None, Meta(description="Null if the steps before it were not counted")]
    event: StepEventOut
    changes: int | None


class StepsOut(ReplayOut):
    """Steps in order. If `next` is null there are no more; otherwise go on after it."""

    steps: list[StepRow]
    next: int | None
    position: Annotated[int, Meta(description="The log's last position")]
    error: Annotated[str | None, Meta(description="The error of the reducer at one of these steps or before them")]
    error_position: int | None
    job: Annotated[str | None, Meta(description="The job of the fold that the changes wait for")]


class StepOut(ReplayOut):
    """One step, with the state after it and its changes.

    `event` is null at step 0. It is also null if the search for the event of a query took too long: the state is then
    that of the place. `previous` and `next` are the places of the neighbouring steps, or null.
    """

    place: int
    n: Annotated[int | None, Meta(description="Null if the steps before it were not counted")]
    position: Annotated[int, Meta(description="The last position that the state includes")]
    event: EventOut | None
    state: ExactState
    changes: list[ChangeOut]
    previous: int | None
    next: int | None


class TouchOut(Struct):
    """A step that changed the value, with its changes. `pointer` is the value's at that time: items of arrays move."""

    place: int
    n: int | None
    pointer: str
    event: StepEventOut
    changes: list[ChangeOut]


class BeforeOut(Struct):
    """The pointer and place of a value before the block of events that was searched."""

    place: int
    pointer: str


class WhyOut(ReplayOut):
    """The steps that changed a value, newest first.

    `more` is the number of changes that are not listed. `before`: earlier steps were not searched; ask again from
    there. `previous` and `next` are the places of the changes before and after the step. If `next` is null, the steps
    up to `looked_to` were searched (null: all of them).
    """

    place: int
    n: int | None
    position: int
    pointer: str
    found: Annotated[bool, Meta(description="Whether there is a value at the pointer")]
    value: ExactState
    history: list[TouchOut]
    more: int
    before: BeforeOut | None
    previous: int | None
    next: int | None
    looked_to: int | None


class SeekOut(ReplayOut):
    """The next, or the previous, step that fits. If `place` is null, no step up to `searched_to` fits."""

    place: int | None
    n: int | None
    event: StepEventOut | None
    searched_to: Annotated[int, Meta(description="The place up to which every step was tested")]
    error: Annotated[
        str | None, Meta(description="The error of the reducer on the way: there is no state from there on")
    ]
    error_position: int | None


STRUCTS = (StepsOut, StepOut, WhyOut, SeekOut)
