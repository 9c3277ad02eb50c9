"""Projections, their keys, and events as handlers see them. Pure: no Django, no I/O."""

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
from events.query.tree import Leaf, Name, Named, Query, System, leaves
from events.system_streams import PREFIX, is_system
from events.types import Event
from projections.definition import upcasting
from projections.values.change import Json

MAX_KEY_CHARACTERS = 600
"""A key of this length fits into an index of the database, at four bytes a character."""
KEY_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
"""A key holds no control characters."""
_IS_KEY = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{0,{MAX_KEY_CHARACTERS}}}").fullmatch
_MAX_INTEGER_BITS = 2_000
"""A larger whole number has more digits than a key has characters, and Python may refuse to print it."""
_MAX_CACHED_TYPES = 4_096


class Decoded(Struct, gc=False, eq=False):
    """An event as a handler sees it: the envelope, and its data as a value of the newest schema version.

    Data is parsed and upcast when it is first read. So a projection that only counts events never parses them, and data
    that can't be upcast is an error of the handler that reads it, at that event, like any other.
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
        """Whether the event has no data, as a redacted event: if a handler raises for it, the event is skipped."""
        return self.event.data == "null"

    @property
    def schema_version(self) -> int:
        """The schema version of `data`, after upcasting."""
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
    def tags(self) -> tuple[str, ...]:
        return tuple(self.event.tags or ())

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
    """Return an event as handlers see it."""
    return Decoded(event)


Handler: TypeAlias = Callable[[Any, Decoded], Any]
"""`(state, event) -> state`. Pure and deterministic: it does not change the state that it is given."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key by which events are grouped into states. `of` returns an event's key or keys; None: it has no state.

    A key is a text of up to `MAX_KEY_CHARACTERS` without control characters. Any other value that `of` returns is
    ignored.
    """

    name: str
    of: Callable[[Decoded], Any]

    def keys(self, happened: Decoded) -> tuple[str, ...]:
        """Return an event's keys, each once."""
        return self.sorted_out(happened)[0]

    def sorted_out(self, happened: Decoded) -> tuple[tuple[str, ...], int]:
        """Return an event's keys, each once, and the number of values from `of` that can't be keys.

        An event without data, as a redacted one, has no keys if `of` raises for it.
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
    """Whether a value can be a key, which stands in an index, in addresses and on pages."""
    return isinstance(value, str) and _IS_KEY(value) is not None


STREAM = Key("stream", lambda happened: happened.stream)
WORKFLOW = Key("workflow", lambda happened: happened.workflow)
AGENT = Key("agent", lambda happened: happened.agent)
LOG = Key("log", lambda happened: "")
"""The key of one state for the whole log: the empty text."""


def pointer(text: str) -> Key:
    """Return the key for the string or whole number at a JSON Pointer into data: `pointer("/order/id")`."""

    def of(happened: Decoded) -> list[Any] | None:
        try:
            value = at(happened.data, text)
        except LookupError:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _MAX_INTEGER_BITS
        return [str(value) if is_whole else value]  # in a list, so that an array at the pointer is one value, not a key

    return Key(f"data{text}", of)


def _is_about_system_events(leaf: Leaf) -> bool:
    """Whether a term is `system:…`, or names a stream of the server or their category."""
    if isinstance(leaf, Named):
        return leaf.name in (Name.STREAM, Name.CATEGORY) and is_system(f"{leaf.pattern.pieces[0]}-")
    return isinstance(leaf, System)


Policy: TypeAlias = Literal["stop", "park", "skip"]
"""The reaction of the runner to an event for which a handler raises."""


class Projection:
    """A named reducer: a version, an initial state, and a handler by event type.

    `about` describes the state in a sentence. The projection reads the events whose type has a handler and that fit
    `query` (in the query language); of system events only those that it asks for (`admits`). `key` groups events into
    states. `materialised`: the runner keeps every state up to date; otherwise a state is folded when it is read.
    `settings` are the values that its handlers close over, as JSON: they are part of its fingerprint.

    `policy` is the reaction of the runner to an event for which a handler of a materialised projection raises: `park`
    stops the event's key while the others go on; `stop` stops the projection before the event; `skip` skips the event.
    An operator may choose another policy for a log.
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
            raise ValueError(f"{policy!r} is not a policy: use one of {', '.join(get_args(Policy))}.")
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
        self.module: str | None = None  # the name of the module that declares it, set by the registry
        # A type is resolved once: matching prefixes for each event took longer than the handler.
        self.handler = lru_cache(maxsize=_MAX_CACHED_TYPES)(self._handler)

    def on(self, *types: str) -> Callable[[Handler], Handler]:
        """Register a handler of events of these types.

        `Order*` is a prefix, `*` every type. An exact name goes before a prefix, a longer prefix before a shorter.
        """

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
        """The tree of `query`.

        Raises:
            InvalidQuery: `query` can't be read.
        """
        return parse(self.query)

    @cached_property
    def fits(self) -> Callable[[Event], bool] | None:
        """Tells whether an event, as it is stored, fits `query`, as the database does. None: every event fits."""
        return event_matcher(self.where) if self.query else None

    @cached_property
    def _asks_for_system_events(self) -> bool:
        """Whether it may read system events of any type: the states of streams do not mix them with others."""
        return self.key is STREAM or any(map(_is_about_system_events, leaves(self.where)))

    def admits(self, event: Event) -> bool:
        """Whether the projection may read an event, as to its stream.

        A system event is no work of an agent and no event of a workflow. It belongs to the state of its own stream, and
        to those of a projection that asks for it: by `system:` or the name of its stream in `query`, or by a handler of
        exactly its type.
        """
        if not event.stream.startswith(PREFIX):  # as is_system() does, without a second call for each event of a fold
            return True
        return self.key is not WORKFLOW and (self._asks_for_system_events or event.type in self.handlers)

    def reads(self, event: Event) -> bool:
        """Whether the projection reads an event: its type has a handler, it fits the query, and it is admitted."""
        return self.handler(event.type) is not None and (self.fits is None or self.fits(event)) and self.admits(event)

    def _handler(self, type_: str) -> Handler | None:
        """Return the handler of a type, or None. (`handler` is this function with a cache.)"""
        if exact := self.handlers.get(type_):
            return exact
        prefixes = (each for each in self.handlers if each.endswith("*") and type_.startswith(each[:-1]))
        longest = max(prefixes, key=len, default=None)
        return None if longest is None else self.handlers[longest]

    def reduce(self, state: Json, happened: Decoded) -> Json:
        """Return the next state. An event that is not read, or is empty and raises, leaves the state as it is."""
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
