"""Upcasters: functions that bring the data of old events to a newer schema version. Pure.

Stored events do not change. An event's data goes through the chain of its type when the event is folded, so a handler
only knows the newest shape. It also does when a reader of the log asks for the newest version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import replace

from events.errors import SchemaTooNew, UpcastFailed
from events.json.value import loads
from events.types import Event
from projections.values import exact_json
from projections.values.exact_json import NotAState

Upcast: TypeAlias = Callable[[Any], Any]
"""`data -> data`. Pure and deterministic; it may change the value that it is given, which nobody else uses."""


@dataclass(frozen=True, slots=True)
class Upcaster:
    """A function that brings the data of a type's events from a schema version to a later one."""

    type: str
    version: int
    to: int
    upcast: Upcast

    def __str__(self) -> str:
        return f"{self.type} v{self.version} → v{self.to}"


def upcaster(type: str, version: int, *, to: int | None = None) -> Callable[[Upcast], Upcaster]:
    """Declare an upcaster from a version to the next (or to `to`):

        @upcaster("OrderPlaced", 1)
        def with_currency(data):
            return {**data, "currency": "EUR"}

    In the modules in which projections are registered, an upcaster is registered too.
    """
    return lambda upcast: Upcaster(type, version, version + 1 if to is None else to, upcast)


class Chains:
    """All upcasters, by type and the version that they read."""

    def __init__(self, upcasters: Iterable[Upcaster] = ()) -> None:
        self.upcasters = tuple(upcasters)
        self.steps: dict[str, dict[int, Upcaster]] = {}
        for each in self.upcasters:
            self.steps.setdefault(each.type, {}).setdefault(each.version, each)
        self.newest = {type: max(each.to for each in steps.values()) for type, steps in self.steps.items()}
        """The newest known schema version by type; types without upcasters have none."""

    def chain(self, type: str, version: int) -> tuple[Upcaster, ...]:
        """Return the upcasters for events of a type and version, in order."""
        steps, chain = self.steps.get(type, {}), []
        # An upcaster to an earlier version is refused at start; here it ends the chain.
        while (step := steps.get(version)) and step.to > version:
            chain.append(step)
            version = step.to
        return tuple(chain)

    def read_as(self, event: Event) -> int:
        """Return the schema version as which an event is read."""
        chain = self.chain(event.type, event.schema_version) if event.type in self.steps else ()
        return chain[-1].to if chain else event.schema_version

    def read(self, event: Event) -> Any:
        """Return an event's data as a value of the newest schema version.

        Raises:
            UpcastFailed: an upcaster raised.
            SchemaTooNew: the event has a newer schema version.
        """
        data = loads(event.data)
        if event.type in self.steps:
            self._check_known(event)
            for step in self.chain(event.type, event.schema_version):
                try:
                    data = step.upcast(data)
                except Exception as error:
                    raise UpcastFailed(
                        f"{step}: {type(error).__name__}: {error}", **self._error_fields(event)
                    ) from error
        return data

    def as_newest(self, event: Event) -> Event:
        """Return the event with its data as JSON text of the newest schema version.

        An event without data, as a redacted one, stays as it is if an upcaster raises for it.

        Raises:
            UpcastFailed: an upcaster raised, or returned a value that is not JSON.
            SchemaTooNew: the event has a newer schema version.
        """
        try:
            self._check_known(event)
            version = self.read_as(event)
            if version == event.schema_version:
                return event
            return replace(event, data=exact_json.dumps(self.read(event)), schema_version=version)
        except NotAState as error:
            raise UpcastFailed(f"{event.type} as v{version}: {error}", **self._error_fields(event)) from error
        except UpcastFailed:
            if event.data == "null":
                return event
            raise

    def _check_known(self, event: Event) -> None:
        newest = self.newest.get(event.type, event.schema_version)
        if event.schema_version > newest:
            raise SchemaTooNew(
                f"The event {event.id!r} of the stream {event.stream!r} ({event.type}, position {event.position:,})"
                f" has schema_version {event.schema_version}; the newest that the upcasters here know is {newest}.",
                **self._error_fields(event),
            )

    def _error_fields(self, event: Event) -> dict[str, Any]:
        """Return the fields of an error about an event."""
        return {
            "stream": event.stream,
            "position": event.position,
            "event": event.id,
            "event_type": event.type,
            "schema_version": event.schema_version,
            "newest_schema_version": self.newest[event.type],
        }

    def problems(self) -> list[str]:
        """Return the problems that refuse a start: duplicates, cycles, gaps."""
        problems = [f"{each} is declared twice." for each in self._duplicates()]
        problems += [
            f"{each} goes back: upcasters lead to later versions." for each in self.upcasters if each.to <= each.version
        ]
        for type, steps in self.steps.items():
            newest = max(each.to for each in steps.values())
            missing = [version for version in range(min(steps), newest) if version not in steps]
            problems += [f"{type} has no upcaster from v{version}, on the way to v{newest}." for version in missing]
        return problems

    def _duplicates(self) -> list[Upcaster]:
        return [each for each in self.upcasters if self.steps[each.type][each.version] is not each]


@dataclass(slots=True)
class _CurrentChains:
    chains: Chains


_current = _CurrentChains(Chains())


def use(chains: Chains) -> None:
    """Use these chains from now on. The registry calls it when it has found all upcasters."""
    _current.chains = chains


def current() -> Chains:
    """Return the chains in use."""
    return _current.chains
