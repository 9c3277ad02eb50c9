"""The projections there are, by name, and the upcasters: found, not listed.

Those of `projections/catalog/`, one a file, and those of each installed app's `projections.py`, as Django's admin finds
its `admin.py`. Whatever `Projection` or `Upcaster` stands there at the top level is registered.
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
"""By name, in the order in which they were found."""
_Declared = TypeVar("_Declared")


@dataclass(frozen=True, slots=True)
class Found:
    """Every projection and upcaster of some modules, each once, two of one name among them."""

    projections: tuple[Projection, ...]
    upcasters: tuple[Upcaster, ...]


def get(name: str) -> Projection:
    """The projection of a name.

    Raises:
        NoSuchProjection: there is none.
    """
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise NoSuchProjection(f"There is no projection {name!r}.") from None


def autodiscover() -> None:
    """Find them all. What is wrong with them, the system checks say."""
    autodiscover_modules("projections")
    found = declared()
    PROJECTIONS.clear()
    for each in found.projections:
        PROJECTIONS.setdefault(each.name, each)
    upcasting.use(upcasting.Chains(found.upcasters))
    for each in found.projections:
        fingerprint.code(each, upcasting.current())  # now, while the files are still what was imported


def declared() -> Found:
    """What the modules of projections declare, those of apps as far as they are imported."""
    return collect([*_catalog(), *_of_apps()])


def collect(modules: Iterable[ModuleType]) -> Found:
    """What some modules declare at their top level. A name that is imported from another declares nothing new."""
    values: list[object] = []
    for module in modules:
        for value in vars(module).values():
            values.append(value)
            if isinstance(value, Projection) and value.module is None:
                value.module = module.__name__
    return Found(_each_once(values, Projection), _each_once(values, Upcaster))


def _each_once(values: list[object], kind: type[_Declared]) -> tuple[_Declared, ...]:
    return tuple({id(value): value for value in values if isinstance(value, kind)}.values())


def _catalog() -> list[ModuleType]:
    return [import_module(f"{catalog.__name__}.{each.name}") for each in pkgutil.iter_modules(catalog.__path__)]


def _of_apps() -> list[ModuleType]:
    names = (f"{config.name}.projections" for config in apps.get_app_configs())
    return [sys.modules[name] for name in names if name in sys.modules]
