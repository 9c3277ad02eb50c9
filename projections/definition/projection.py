"""What a projection is made of: JSON values, decoded events, steps. Pure: no Django, no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias, get_args

from msgspec import UNSET, Struct

from events.json.pointer import at
from events.json.value import loads
from events.query.match import event_matcher
from events.query.parse import parse
from events.query.tree import Query
from events.types import Event
from projections.definition import upcasting
from projections.values.change import Json

MAX_KEY_CHARACTERS = 600
"""A key of so many characters fits into an index of the database, at four bytes each."""
KEY_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
"""A key holds no control characters."""
_IS_KEY = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{0,{MAX_KEY_CHARACTERS}}}").fullmatch
_MAX_INTEGER_BITS = 2_000
"""A whole number beyond has more digits than a key has characters, and Python may refuse to write it."""
_TYPES_KEPT = 4_096


class Decoded(Struct, gc=False, eq=False):
    """An event as a handler sees it: the envelope, and its data as a value of the newest schema version.

    Data is read and upcast when it is first asked for. So what only counts events never parses them, and data that
    can't be upcast is an error of the handler that asked, at that event, like any other.
    """

    event: Event
    _data: Any = UNSET
    _metadata: Any = UNSET

    @property
    def data(self) -> Any:
        if self._data is UNSET:
            self._data = upcasting.current().read(self.event)
        return self._data

    @property
    def metadata(self) -> Any:
        if self._metadata is UNSET:
            self._metadata = loads(self.event.metadata)
        return self._metadata

    @property
    def is_empty(self) -> bool:
        """Whether it carries no data, as an event that was redacted: a handler that can't read it need not."""
        return self.event.data == "null"

    @property
    def schema_version(self) -> int:
        """The version that data is read as."""
        return upcasting.current().read_as(self.event)

    @property
    def type(self) -> str:
        return self.event.type

    @property
    def stream(self) -> str:
        return self.event.stream

    @property
    def agent(self) -> str | None:
        return self.event.agent

    @property
    def workflow(self) -> str | None:
        return self.event.correlation_id

    @property
    def position(self) -> int:
        return self.event.position

    @property
    def version(self) -> int:
        return self.event.version

    @property
    def at(self) -> datetime:
        return self.event.at


def decode(event: Event) -> Decoded:
    """An event as handlers see it: what all folding begins with."""
    return Decoded(event)


Handler: TypeAlias = Callable[[Any, Decoded], Any]
"""`(state, event) -> state`. Pure and deterministic: it leaves the state that it was given alone."""


@dataclass(frozen=True, slots=True)
class Key:
    """What the events of one state share. `of` gives an event's key or keys; None: it belongs to no state.

    A key is a text of up to `MAX_KEY_CHARACTERS` without control characters. Any other value that `of` gives is no key,
    and the event belongs to no state because of it.
    """

    name: str
    of: Callable[[Decoded], Any]

    def keys(self, happened: Decoded) -> tuple[str, ...]:
        """An event's keys, each once."""
        return self.sorted_out(happened)[0]

    def sorted_out(self, happened: Decoded) -> tuple[tuple[str, ...], int]:
        """An event's keys, each once, and how many values `of` gave that can't be keys.

        An event that is empty, as one that was redacted, has none where `of` raises for it.
        """
        try:
            value = self.of(happened)
        except Exception:
            if not happened.is_empty:
                raise
            return (), 0
        if value is None:
            return (), 0
        is_several = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
        values = [each for each in (value if is_several else [value]) if each is not None]
        keys = [each for each in values if is_key(each)]
        return tuple(dict.fromkeys(keys)), len(values) - len(keys)


def is_key(value: object) -> bool:
    """Whether a value can be a key: it stands in an index, in addresses and on pages."""
    return isinstance(value, str) and _IS_KEY(value) is not None


STREAM = Key("stream", lambda happened: happened.stream)
WORKFLOW = Key("workflow", lambda happened: happened.workflow)
AGENT = Key("agent", lambda happened: happened.agent)
LOG = Key("log", lambda happened: "")
"""One state for the whole log, under the empty key."""


def pointer(text: str) -> Key:
    """The string or whole number at a JSON Pointer into data: `pointer("/order/id")`."""

    def of(happened: Decoded) -> list[Any] | None:
        try:
            value = at(happened.data, text)
        except LookupError:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _MAX_INTEGER_BITS
        return [str(value) if is_whole else value]  # in a list, as an array that stands there is no key

    return Key(f"data{text}", of)


Policy: TypeAlias = Literal["stop", "park", "skip"]
"""What the runner does about an event that a handler raises for."""


class Projection:
    """What events mean: a name, a version, an initial state, and a handler by event type.

    `about` says in a sentence what its state is. It reads the events whose type has a handler, narrowed by `query`
    (the query language) where that is given. `key` says which events make one state. `materialised`: the runner keeps
    every state up to date; otherwise a state is folded when it is asked for. `settings` are what its handlers close
    over, as JSON: they are part of its fingerprint.

    `policy` says what becomes of a materialised projection at an event that its handler raises for: `park` its key,
    which goes no further while the others do; `stop` before the event; `skip` the event. An operator may choose another
    one for a log.
    """

    def __init__(
        self,
        name: str,
        *,
        about: str,
        version: int = 1,
        key: Key = STREAM,
        initial: Json = None,
        query: str = "",
        materialised: bool = False,
        settings: Json = None,
        policy: Policy = "park",
    ) -> None:
        if policy not in get_args(Policy):
            raise ValueError(f"{policy!r} is no policy: it is one of {', '.join(get_args(Policy))}.")
        self.name = name
        self.about = about
        self.version = version
        self.key = key
        self.initial: Json = {} if initial is None else initial
        self.query = query
        self.materialised = materialised
        self.settings = settings
        self.policy = policy
        self.handlers: dict[str, Handler] = {}
        self.module: str | None = None  # where it stands: the registry says
        # A type is resolved once: matching prefixes for each event took longer than handling it.
        self.handler = lru_cache(maxsize=_TYPES_KEPT)(self._handler)

    def on(self, *types: str) -> Callable[[Handler], Handler]:
        """Handle events of these types; `Order*` is a prefix, `*` every type. An exact name goes before a prefix, a
        longer prefix before a shorter."""

        def declare(handler: Handler) -> Handler:
            for type_ in types:
                if type_ in self.handlers:
                    raise ValueError(f"{self.name} has two handlers for {type_}")
                self.handlers[type_] = handler
            self.handler.cache_clear()
            return handler

        return declare

    @cached_property
    def where(self) -> Query:
        """`query` as a tree.

        Raises:
            InvalidQuery: it is none.
        """
        return parse(self.query)

    @cached_property
    def fits(self) -> Callable[[Event], bool] | None:
        """Whether `query` lets an event through, as it is stored: the database says the same. None: it lets all."""
        return event_matcher(self.where) if self.query else None

    def reads(self, event: Event) -> bool:
        """Whether an event is one of those that make its states: its type has a handler and it fits the query."""
        return self.handler(event.type) is not None and (self.fits is None or self.fits(event))

    def _handler(self, type_: str) -> Handler | None:
        """`handler(type)`: the handler of a type; None where it has none."""
        if exact := self.handlers.get(type_):
            return exact
        fitting = (each for each in self.handlers if each.endswith("*") and type_.startswith(each[:-1]))
        longest = max(fitting, key=len, default=None)
        return None if longest is None else self.handlers[longest]

    def reduce(self, state: Json, happened: Decoded) -> Json:
        """The next state. An event that it doesn't read, or that is empty and raises, leaves it as it is."""
        handler = self.handler(happened.event.type) if self.reads(happened.event) else None
        if handler is None:
            return state
        try:
            after: Json = handler(state, happened)
        except Exception:
            if not happened.is_empty:
                raise
            return state
        return after
