"""Reading old events as new ones: upcasters, one a step from a schema version to a later one. Pure.

What is stored stays as it was. An event's data goes through the chain of its type whenever it is read for folding, so a
handler only knows the newest shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from events.json.value import loads
from events.types import Event

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


class UpcastFailed(Exception):
    """An upcaster raised. Its cause is what it raised."""

    def __init__(self, upcaster: Upcaster, cause: Exception) -> None:
        super().__init__(f"{upcaster}: {type(cause).__name__}: {cause}")
        self.upcaster = upcaster


class Chains:
    """All upcasters, by type and the version that they read."""

    def __init__(self, upcasters: Iterable[Upcaster] = ()) -> None:
        self.declared = tuple(upcasters)
        self.steps: dict[str, dict[int, Upcaster]] = {}
        for each in self.declared:
            self.steps.setdefault(each.type, {}).setdefault(each.version, each)

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
        """
        data = loads(event.data)
        if event.type in self.steps:
            for step in self.chain(event.type, event.schema_version):
                try:
                    data = step.upcast(data)
                except Exception as error:
                    raise UpcastFailed(step, error) from error
        return data

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
