"""Reading old events as new ones: upcasters, one a step from a schema version to a later one. Pure.

What is stored stays as it was. An event's data goes through the chain of its type whenever it is read for folding, so a
handler only knows the newest shape; and where a reader of the log asks for it.
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
"""`data -> data`. Pure and deterministic; it may change the value that it is given, which nobody else has."""


@dataclass(frozen=True, slots=True)
class Upcaster:
    """Brings the data of a type's events from a schema version to a later one."""

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

    Declaring is registering, in the modules where projections are looked for.
    """
    return lambda upcast: Upcaster(type, version, version + 1 if to is None else to, upcast)


class Chains:
    """All upcasters, by type and the version that they read."""

    def __init__(self, upcasters: Iterable[Upcaster] = ()) -> None:
        self.declared = tuple(upcasters)
        self.steps: dict[str, dict[int, Upcaster]] = {}
        for each in self.declared:
            self.steps.setdefault(each.type, {}).setdefault(each.version, each)
        self.newest = {type: max(each.to for each in steps.values()) for type, steps in self.steps.items()}
        """By type, the newest schema version that is known. Of a type without upcasters none is."""

    def chain(self, type: str, version: int) -> tuple[Upcaster, ...]:
        """The upcasters that an event goes through, in order."""
        steps, chain = self.steps.get(type, {}), []
        # What leads back is refused at start; asked anyway, it ends the chain.
        while (step := steps.get(version)) and step.to > version:
            chain.append(step)
            version = step.to
        return tuple(chain)

    def read_as(self, event: Event) -> int:
        """The schema version that an event is read as."""
        chain = self.chain(event.type, event.schema_version) if event.type in self.steps else ()
        return chain[-1].to if chain else event.schema_version

    def read(self, event: Event) -> Any:
        """An event's data as a value of the newest schema version.

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
                    raise UpcastFailed(f"{step}: {type(error).__name__}: {error}", **self._told(event)) from error
        return data

    def as_newest(self, event: Event) -> Event:
        """The event with its data as JSON text of the newest schema version. One without data stays as it is where it
        can't be read, as one that was redacted.

        Raises:
            UpcastFailed: an upcaster raised, or made what is no JSON value.
            SchemaTooNew: the event has a newer schema version.
        """
        try:
            self._check_known(event)
            version = self.read_as(event)
            if version == event.schema_version:
                return event
            return replace(event, data=exact_json.dumps(self.read(event)), schema_version=version)
        except NotAState as error:
            raise UpcastFailed(f"{event.type} as v{version}: {error}", **self._told(event)) from error
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
                **self._told(event),
            )

    def _told(self, event: Event) -> dict[str, Any]:
        """The fields of an error about an event."""
        return {
            "stream": event.stream,
            "position": event.position,
            "event": event.id,
            "event_type": event.type,
            "schema_version": event.schema_version,
            "newest_schema_version": self.newest[event.type],
        }

    def problems(self) -> list[str]:
        """What stands against starting: duplicates, cycles, gaps."""
        found = [f"{each} is declared twice." for each in self._duplicates()]
        found += [f"{each} leads back: a chain only goes forward." for each in self.declared if each.to <= each.version]
        for type, steps in self.steps.items():
            newest = max(each.to for each in steps.values())
            missing = [version for version in range(min(steps), newest) if version not in steps]
            found += [f"{type} has no upcaster from v{version}, on the way to v{newest}." for version in missing]
        return found

    def _duplicates(self) -> list[Upcaster]:
        return [each for each in self.declared if self.steps[each.type][each.version] is not each]


@dataclass(slots=True)
class _InUse:
    chains: Chains


_in_use = _InUse(Chains())


def use(chains: Chains) -> None:
    """Read by these from now on: the registry's, once it has found them all."""
    _in_use.chains = chains


def current() -> Chains:
    """The chains in use."""
    return _in_use.chains
