"""The registry of all projections, by name, and of all upcasters.

Every `Projection` or `Upcaster` at the top level of a module in `projections/catalog/`, or of an installed app's
`projections.py`, is registered, as Django's admin finds each `admin.py`.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TypeVar

from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from projections import catalog
from projections.definition import fingerprint, upcasting
from projections.definition.projection import Projection
from projections.definition.upcasting import Upcaster
from projections.errors import NoSuchProjection

PROJECTIONS: dict[str, Projection] = {}
"""All projections by name, in the order of registration."""
_Declared = TypeVar("_Declared")


@dataclass(frozen=True, slots=True)
class Declarations:
    """The projections and upcasters of some modules, each once; names may be equal."""

    projections: tuple[Projection, ...]
    upcasters: tuple[Upcaster, ...]


def get(name: str) -> Projection:
    """Return the projection with a name.

    Raises:
        NoSuchProjection: there is no such projection.
    """
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise NoSuchProjection(f"There is no projection {name!r}.") from None


def autodiscover() -> None:
    """Register all projections and upcasters. The system checks report the faults in them."""
    autodiscover_modules("projections")
    declarations = declared()
    PROJECTIONS.clear()
    for projection in declarations.projections:
        PROJECTIONS.setdefault(projection.name, projection)
    upcasting.use(upcasting.Chains(declarations.upcasters))
    for projection in declarations.projections:
        # The code is read now, while the files are still as they were imported.
        fingerprint.module_codes(projection, upcasting.current())


def declared() -> Declarations:
    """Return the declarations of the catalogue, and of the apps' modules as far as they are imported."""
    return collect([*_catalog(), *_of_apps()])


def collect(modules: Iterable[ModuleType]) -> Declarations:
    """Return the declarations at the top level of some modules. An imported name counts once."""
    values: list[object] = []
    for module in modules:
        for value in vars(module).values():
            values.append(value)
            if isinstance(value, Projection) and value.module is None:
                value.module = module.__name__
    return Declarations(_each_once(values, Projection), _each_once(values, Upcaster))


def _each_once(values: list[object], kind: type[_Declared]) -> tuple[_Declared, ...]:
    return tuple({id(value): value for value in values if isinstance(value, kind)}.values())


def _catalog() -> list[ModuleType]:
    return [import_module(f"{catalog.__name__}.{each.name}") for each in pkgutil.iter_modules(catalog.__path__)]


def _of_apps() -> list[ModuleType]:
    names = (f"{config.name}.projections" for config in apps.get_app_configs())
    return [sys.modules[name] for name in names if name in sys.modules]
